package config

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"releve.dev/releve/site"
)

// Sample returns a complete, commented config file: the doc tag of each key,
// its default, and a value that passes every check, but for the secrets: those
// in print here are refused. Keys that are best left out are there as comments.
func Sample() string {
	return sample(secrets{ha: sampleKey, private: samplePrivateKey, witness: sampleWitnessKey})
}

// FreshSample is Sample with secrets of its own, drawn at random.
func FreshSample() string {
	return sample(secrets{ha: randomKey(), private: randomKey(), witness: randomKey()})
}

type secrets struct{ ha, private, witness string }

func randomKey() string {
	var key [keyBytes]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(key[:])
}

// The sample's secrets stand in every copy of the program, so they are none.
// They say that themselves: "replace me with 32 random bytes!".
const (
	sampleKey        = "cmVwbGFjZSBtZSB3aXRoIDMyIHJhbmRvbSBieXRlcyE="
	samplePrivateKey = "cmVwbGFjZSB0aGlzIHdpdGggMzIgcmFuZG9tIG9uZXM="
	sampleWitnessKey = "dGhpcyBvbmUgd2l0aCAzMiBtb3JlIHJhbmRvbSBvbmU="
	samplePublicKey  = "aGVyZSBzdGFuZHMgdGhlIHB1YmxpYyBrZXkgb2YgaXQ="
)

func sample(keys secrets) string {
	var b strings.Builder
	b.WriteString("# Settings of a Relève vSocket. releve-vsocket config check FILE says what is\n")
	b.WriteString("# wrong with them. Times are written like 250ms, 1.5s or 2m.\n\n")
	example, defaults := example(keys), Default()
	ha, azure, cloud := defaultHA(), defaultAzure(), defaultCloud()
	defaults.HA, defaults.Azure, defaults.Cloud = &ha, &azure, &cloud
	defaults.Version = site.Release
	defaults.HA.Lease = 0 // no figure: it follows silent
	writeSection(&b, reflect.ValueOf(example), reflect.ValueOf(defaults), "")
	return b.String()
}

// example is a primary in the source's network.
func example(keys secrets) Config {
	prefix, addr := netip.MustParsePrefix, netip.MustParseAddr
	c := Default()
	c.Site, c.Side = "Paris", site.Primary
	c.Interfaces = Interfaces{
		WAN:  Interface{"eth1", prefix("10.102.1.10/24")},
		LAN:  Interface{"eth2", prefix("10.102.2.10/24")},
		MGMT: Interface{"eth0", prefix("10.102.3.10/24")},
	}
	c.Probes.WAN = []netip.Addr{addr("1.1.1.1"), addr("8.8.8.8")}
	ha, azure, cloud := defaultHA(), defaultAzure(), defaultCloud()
	ha.Peer = Peer{LAN: addr("10.102.2.11"), MGMT: addr("10.102.3.11")}
	ha.FloatingIP = addr("10.102.2.200")
	ha.Key = keys.ha
	azure.ClientID = "22222222-2222-2222-2222-222222222222"
	azure.Subscription = "11111111-1111-1111-1111-111111111111"
	azure.NIC = Ref{"rg-site", "vsocket-primary-lan"}
	azure.PeerNIC = Ref{"rg-site", "vsocket-secondary-lan"}
	azure.PeerVM = Ref{"rg-site", "vsocket-secondary"}
	azure.Subnet = Subnet{"rg-network", "vnet-site", "lan"}
	cloud.PrivateKey, cloud.WitnessKey = keys.private, keys.witness
	cloud.Address, cloud.SiteID = addr("100.64.1.1"), 1
	cloud.PoPs = []PoP{{Name: "pop1", Endpoint: netip.MustParseAddrPort("203.0.113.30:51820"),
		PublicKey: samplePublicKey, Witness: netip.MustParseAddrPort("100.64.0.1:20481")}}
	c.HA, c.Azure, c.Cloud = &ha, &azure, &cloud
	return c
}

func writeSection(b *strings.Builder, values, defaults reflect.Value, indent string) {
	t := values.Type()
	apart := false // whether a blank line goes before the next key
	for i := range t.NumField() {
		field, value, standard := t.Field(i), values.Field(i), defaults.Field(i)
		doc := field.Tag.Get("doc")
		if value.Kind() == reflect.Pointer {
			value, standard = value.Elem(), standard.Elem()
		}
		if isSection(value.Type()) {
			if indent == "" && i > 0 {
				b.WriteString("\n")
			}
			apart = indent == ""
			writeComment(b, indent, doc)
			fmt.Fprintf(b, "%s%s:\n", indent, keyOf(field))
			writeSection(b, value, standard, indent+"  ")
			continue
		}
		if apart {
			b.WriteString("\n")
			apart = false
		}
		if !standard.IsZero() {
			doc += " Default: " + scalar(standard) + "."
		}
		writeComment(b, indent, doc)
		if isList(value.Type()) {
			fmt.Fprintf(b, "%s%s:\n", indent, keyOf(field))
			writeList(b, value, indent+"  ")
			continue
		}
		if value.IsZero() && field.Type != reflect.TypeFor[time.Duration]() {
			fmt.Fprintf(b, "%s# %s: %s\n", indent, keyOf(field), unset(field.Name, standard))
			continue
		}
		fmt.Fprintf(b, "%s%s: %s\n", indent, keyOf(field), scalar(value))
	}
}

// isList tells a list of sections from one of values.
func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice && isSection(t.Elem()) }

// writeList writes a list of sections, which have no defaults.
func writeList(b *strings.Builder, values reflect.Value, indent string) {
	for i := range values.Len() {
		var item strings.Builder
		writeSection(&item, values.Index(i), reflect.Zero(values.Type().Elem()), "")
		mark := "" // the first key gets the dash, after its comment
		for line := range strings.Lines(item.String()) {
			switch {
			case mark == "" && !strings.HasPrefix(line, "#"):
				b.WriteString(indent + "- " + line)
				mark = "  "
			default:
				b.WriteString(indent + mark + line)
			}
		}
	}
}

// unset is what a key that is left out might say.
func unset(name string, standard reflect.Value) string {
	switch {
	case !standard.IsZero():
		return scalar(standard)
	case name == "Audience":
		return defaultAzure().Endpoint
	case name == "CAFile":
		return "/etc/releve/ca.pem"
	case name == "Egress":
		return string(EgressTunnel)
	case name == "Third":
		return string(ThirdWitness)
	case name == "Location":
		return "francecentral"
	}
	panic("config: the sample has no value for " + name)
}

func scalar(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case time.Duration:
		return span(v)
	case []netip.Addr:
		words := make([]string, len(v))
		for i, addr := range v {
			words[i] = addr.String()
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return fmt.Sprint(value.Interface())
}

// writeComment wraps text to 80 columns.
func writeComment(b *strings.Builder, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 80 {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
