package config

import (
	"crypto/rand"
	"encoding/base64"
	"net/netip"

	"releve.dev/releve/settings"
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
	var key [settings.KeySize]byte
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
	defaults := Default()
	ha, azure, cloud := DefaultHA(), defaultAzure(), DefaultCloud()
	defaults.HA, defaults.Azure, defaults.Cloud = &ha, &azure, &cloud
	defaults.Version = site.Release
	defaults.HA.Lease = 0 // no figure: it follows silent
	s := settings.Sample{
		Head: "# Settings of a Relève vSocket. releve-vsocket config check FILE says what is\n" +
			"# wrong with them. Times are written like 250ms, 1.5s or 2m.\n",
		Example: example(keys), Defaults: defaults,
		Unset: map[string]string{
			"Audience": defaultAzure().Endpoint, "CAFile": "/etc/releve/ca.pem", "Location": "francecentral",
			"Egress": string(EgressTunnel), "Third": string(ThirdWitness),
		},
	}
	return s.Text()
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
	c.Routes = RoutesOwn
	c.Probes.WAN = []netip.Addr{addr("1.1.1.1"), addr("8.8.8.8")}
	ha, azure, cloud := DefaultHA(), defaultAzure(), DefaultCloud()
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
