package steer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
)

// NIC is one read of a network interface. What isn't ours stays as the bytes
// that Azure sent: a NIC rebuilt from a model loses what the model doesn't know
// (requirement B5; azure.md section 1).
type NIC struct {
	ETag    string
	State   string // provisioningState: Succeeded, Updating, Failed
	Claim   site.Claim
	BadTag  string // the claim tag's value, if it is no claim
	FIP     json.RawMessage
	top     object
	tags    object
	props   object
	configs []json.RawMessage
	at      int // of the floating IP among configs, -1 if it isn't there
}

type object = map[string]json.RawMessage

// ParseNIC reads a NIC's body. fip is the floating IP.
func ParseNIC(body []byte, fip netip.Addr) (*NIC, error) {
	n := &NIC{at: -1}
	if err := decode(body, &n.top, "the body"); err != nil {
		return nil, err
	}
	if err := decode(n.top["properties"], &n.props, "properties"); err != nil {
		return nil, err
	}
	if err := decode(n.props["ipConfigurations"], &n.configs, "properties.ipConfigurations"); err != nil {
		return nil, err
	}
	if raw := n.top["tags"]; len(raw) > 0 {
		if err := decode(raw, &n.tags, "tags"); err != nil {
			return nil, err
		}
	}
	n.ETag, n.State = text(n.top["etag"]), text(n.props["provisioningState"])
	if n.ETag == "" {
		return nil, fmt.Errorf("nic: no etag in the answer")
	}
	tag := text(n.tags[site.ClaimTag])
	claim, err := site.ParseClaim(tag)
	if err != nil {
		n.BadTag = tag
	}
	n.Claim = claim
	return n, n.findFIP(fip)
}

func (n *NIC) findFIP(fip netip.Addr) error {
	for i, raw := range n.configs {
		var config struct {
			Properties struct {
				Address string `json:"privateIPAddress"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(raw, &config); err != nil {
			return fmt.Errorf("nic: ipConfigurations[%d]: %w", i, err)
		}
		if addr, err := netip.ParseAddr(config.Properties.Address); err == nil && addr == fip {
			n.at, n.FIP = i, raw
			return nil
		}
	}
	return nil
}

// HasFIP reports whether the floating IP is on this NIC.
func (n *NIC) HasFIP() bool { return n.at >= 0 }

// failed is the provisioningState of a NIC whose last update Azure couldn't
// carry out: the NIC shows what was asked for, the data plane does not have it.
const failed = "Failed"

// Settled reports whether no operation is under way.
func (n *NIC) Settled() bool { return n.State == "Succeeded" || n.State == failed }

// Body is the whole NIC for a PUT, with the claim in its tag and the floating
// IP's configuration fip, or without one if fip is nil. All else is as read.
func (n *NIC) Body(claim site.Claim, fip json.RawMessage) []byte {
	tags := clone(n.tags)
	tags[site.ClaimTag] = encode(claim.String())
	configs := make([]json.RawMessage, 0, len(n.configs)+1)
	for i, raw := range n.configs {
		if i != n.at {
			configs = append(configs, raw)
		} else if fip != nil {
			configs = append(configs, raw)
		}
	}
	if n.at < 0 && fip != nil {
		configs = append(configs, fip)
	}
	props := clone(n.props)
	props["ipConfigurations"] = encode(configs)
	if slip.Is(slip.RebuiltNIC) {
		delete(props, "networkSecurityGroup")
	}
	top := clone(n.top)
	top["tags"], top["properties"] = encode(tags), encode(props)
	return encode(top)
}

// readOnly are the properties that Azure writes itself (azure.md section 1):
// they differ between two reads of a NIC that nobody has changed.
var readOnly = map[string]bool{
	"etag": true, "provisioningState": true,
}

// Rest is the NIC in canonical form without what is ours (the claim's tag, the
// floating IP's configuration) and without what only Azure writes. Two reads
// with the same Rest differ in nothing that anybody else cares about.
func (n *NIC) Rest() string {
	top := clone(n.top)
	tags := clone(n.tags)
	delete(tags, site.ClaimTag)
	if len(tags) == 0 {
		delete(top, "tags")
	} else {
		top["tags"] = encode(tags)
	}
	configs := make([]json.RawMessage, 0, len(n.configs))
	for i, raw := range n.configs {
		if i != n.at {
			configs = append(configs, raw)
		}
	}
	props := clone(n.props)
	props["ipConfigurations"] = encode(configs)
	top["properties"] = encode(props)
	var value any
	decoder := json.NewDecoder(bytes.NewReader(encode(top)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		panic("steer: own encoding can't be decoded: " + err.Error())
	}
	return string(encode(strip(value)))
}

// strip takes the read-only properties out at every level.
func strip(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if readOnly[key] {
				delete(v, key)
			} else {
				v[key] = strip(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
	}
	return value
}

// carried is a floating IP's configuration made fit for another NIC: what its
// owner set stays, what Azure derived from the old NIC goes.
func carried(config json.RawMessage) json.RawMessage {
	var top, props object
	if decode(config, &top, "") != nil || decode(top["properties"], &props, "") != nil {
		return nil
	}
	for _, key := range [...]string{"id", "etag", "type"} {
		delete(top, key)
	}
	for _, key := range [...]string{"provisioningState", "primary"} {
		delete(props, key)
	}
	top["properties"] = encode(props)
	return encode(top)
}

// fits reports whether a kept configuration is of this floating IP in this
// subnet: the settings may have changed since.
func fits(config string, fip netip.Addr, subnet string) bool {
	var c struct {
		Properties struct {
			Address string `json:"privateIPAddress"`
			Subnet  struct {
				ID string `json:"id"`
			} `json:"subnet"`
		} `json:"properties"`
	}
	if config == "" || json.Unmarshal([]byte(config), &c) != nil {
		return false
	}
	addr, err := netip.ParseAddr(c.Properties.Address)
	return err == nil && addr == fip && strings.EqualFold(c.Properties.Subnet.ID, subnet)
}

// FreshConfig is the floating IP's configuration where none was seen to carry
// over. Its application security groups are the own primary configuration's,
// as Azure wants them the same on all configurations of a NIC.
func (n *NIC) freshConfig(name string, fip netip.Addr, subnet string) json.RawMessage {
	props := object{
		"privateIPAddress":          encode(fip.String()),
		"privateIPAllocationMethod": encode("Static"),
		"privateIPAddressVersion":   encode("IPv4"),
		"subnet":                    encode(object{"id": encode(subnet)}),
	}
	if groups := n.primaryGroups(); groups != nil {
		props["applicationSecurityGroups"] = groups
	}
	return encode(object{"name": encode(name), "properties": encode(props)})
}

func (n *NIC) primaryGroups() json.RawMessage {
	for _, raw := range n.configs {
		var config struct {
			Properties struct {
				Primary bool            `json:"primary"`
				Groups  json.RawMessage `json:"applicationSecurityGroups"`
			} `json:"properties"`
		}
		if json.Unmarshal(raw, &config) == nil && config.Properties.Primary {
			return config.Properties.Groups
		}
	}
	return nil
}

func decode(raw json.RawMessage, into any, what string) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("nic: %s: %w", what, err)
	}
	return nil
}

func encode(value any) json.RawMessage {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("steer: " + err.Error())
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

func clone(o object) object {
	c := make(object, len(o)+1)
	for key, value := range o {
		c[key] = value
	}
	return c
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}
