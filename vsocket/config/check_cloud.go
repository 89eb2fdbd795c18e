package config

import (
	"fmt"
	"math"
	"net/netip"

	"releve.dev/releve/site"
)

func (k *checker) cloud(c *Config) {
	cloud := c.Cloud
	const secret = "head -c 32 /dev/urandom | base64 makes one; each vSocket has its own"
	k.Key("cloud.private_key", cloud.PrivateKey, samplePrivateKey, secret)
	k.Key("cloud.witness_key", cloud.WitnessKey, sampleWitnessKey, secret)
	if c.HA != nil && cloud.WitnessKey == c.HA.Key {
		k.Fail("cloud.witness_key", secret, "is the keepalives' (ha.key)")
	}
	k.device(c)
	if k.Present("cloud.address") {
		k.isInside("cloud.address", cloud.Address)
	}
	if k.Present("cloud.site_id") && (cloud.SiteID == 0 || cloud.SiteID > math.MaxUint32) {
		k.Fail("cloud.site_id", "", "%d is not between 1 and %d", cloud.SiteID, uint32(math.MaxUint32))
	}
	if k.Present("cloud.pops") && len(cloud.PoPs) == 0 {
		k.Fail("cloud.pops", "leave the section cloud out where there is no PoP", "is empty")
	}
	for i := range cloud.PoPs {
		k.pop(cloud, i)
	}
}

func (k *checker) device(c *Config) {
	const path = "cloud.device"
	k.Interface(path, c.Cloud.Device)
	for _, other := range []string{c.Interfaces.WAN.Name, c.Interfaces.LAN.Name, c.Interfaces.MGMT.Name} {
		if c.Cloud.Device == other {
			k.Fail(path, "", "%q is one of the interfaces: the tunnel makes its own", other)
		}
	}
}

func (k *checker) pop(cloud *Cloud, i int) {
	path := fmt.Sprintf("cloud.pops[%d]", i)
	pop := cloud.PoPs[i]
	k.Name(path+".name", pop.Name)
	for _, other := range cloud.PoPs[:i] {
		if pop.Name == other.Name {
			k.Fail(path+".name", "", "%q is another one's name", pop.Name)
		}
	}
	if k.Present(path + ".endpoint") {
		addr := pop.Endpoint.Addr()
		if !addr.Is4() || addr.IsUnspecified() || addr.IsMulticast() || pop.Endpoint.Port() == 0 {
			k.Fail(path+".endpoint", "", "%s is not an IPv4 address with a port", pop.Endpoint)
		}
	}
	k.Key(path+".public_key", pop.PublicKey, "", "releve-pop tells its own")
	if k.Present(path+".witness") && k.isInside(path+".witness", pop.Witness.Addr()) {
		switch {
		case pop.Witness.Port() == 0:
			k.Fail(path+".witness", "", "%s has no port", pop.Witness)
		case pop.Witness.Addr() == cloud.Address:
			k.Fail(path+".witness", "", "%s is this vSocket's own address (cloud.address)", cloud.Address)
		}
	}
}

func (k *checker) isInside(path string, addr netip.Addr) bool {
	if !site.Overlay.Contains(addr) {
		k.Fail(path, "", "%s is not in %s, where the addresses inside tunnels are", addr, site.Overlay)
		return false
	}
	return true
}

// ways checks the settings that depend on whether there is a cloud.
func (k *checker) ways(c *Config) {
	const remedy = "without the section cloud leave it out"
	switch c.Egress {
	case EgressNAT, EgressNone:
	case EgressTunnel:
		if c.Cloud == nil && k.Clean("cloud") {
			k.Fail("egress", remedy, "is tunnel, but there is no section cloud to say where to")
		}
	default:
		k.Fail("egress", "", "%q is neither tunnel, nat nor none", c.Egress)
	}
	if c.HA == nil {
		return
	}
	switch c.HA.Third {
	case ThirdARM:
	case ThirdWitness:
		if c.Cloud == nil && k.Clean("cloud") {
			k.Fail("ha.third", remedy, "is witness, but there is no section cloud to say where it is")
		}
	default:
		k.Fail("ha.third", "", "%q is neither witness nor arm", c.HA.Third)
	}
}
