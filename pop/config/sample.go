package config

import (
	"net/netip"

	"releve.dev/releve/settings"
	"releve.dev/releve/tunnel"
)

// Sample returns a complete, commented config file: the doc tag of each key, its
// default, and an example. The printed secrets are known to everybody, and refused.
func Sample() string {
	s := settings.Sample{
		Head: "# Settings of a Relève PoP. releve-pop check says what is wrong with them; a\n" +
			"# running PoP reads them anew on SIGHUP.\n",
		Example: example(), Defaults: Default(),
		Unset: map[string]string{"Revoked": "[" + samplePublicKey + "]", "Public": "198.51.100.30"},
	}
	return s.Text()
}

// The sample's keys say what they are: "replace me with 32 random bytes!".
const (
	sampleWitnessKey = "cmVwbGFjZSBtZSB3aXRoIDMyIHJhbmRvbSBieXRlcyE="
	samplePublicKey  = "aGVyZSBzdGFuZHMgdGhlIHB1YmxpYyBrZXkgb2YgaXQ="
)

func example() Config {
	addr := netip.MustParseAddr
	c := Default()
	c.Name = "pop1"
	c.Uplink = Uplink{Name: "eth0", Address: addr("203.0.113.30")}
	var key tunnel.Key
	if err := key.UnmarshalText([]byte(samplePublicKey)); err != nil {
		panic("config: the sample's key is none")
	}
	c.Sites = []Site{{Name: "Paris", ID: 1, Ranges: []netip.Prefix{netip.MustParsePrefix("10.102.0.0/16")},
		Primary:   &VSocket{PublicKey: key, Address: addr("100.64.1.1"), WitnessKey: sampleWitnessKey},
		Secondary: &VSocket{PublicKey: key, Address: addr("100.64.1.2"), WitnessKey: sampleWitnessKey}}}
	return c
}
