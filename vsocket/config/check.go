package config

import (
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
)

// checker collects what breaks a rule.
type checker struct{ *settings.Binding }

func check(c *Config, b *settings.Binding) {
	k := &checker{b}
	k.general(c)
	k.interfaces(&c.Interfaces)
	k.probes(&c.Probes)
	if c.HA != nil {
		k.ha(c)
		if c.Azure == nil && !b.Given("azure") {
			k.Fail("azure", "without Azure's API nobody can move the floating IP; see releve-vsocket config sample",
				"is missing, and the section ha needs it")
		}
	}
	if c.Azure != nil {
		k.azure(c.Azure)
	}
	if c.Cloud != nil {
		k.cloud(c)
	}
	k.ways(c)
}

func (k *checker) general(c *Config) {
	k.Name("site", c.Site)
	if k.Present("side") && c.Side == site.NoSide {
		k.Fail("side", "", "%q is neither primary nor secondary", c.Side)
	}
	if c.Routes != RoutesOwn && c.Routes != RoutesSystem {
		k.Fail("routes", "", "%q is neither own nor system", c.Routes)
	}
	k.Directory("state_dir", c.StateDir)
	k.RunDirectory("run_dir", c.RunDir)
}

func (k *checker) interfaces(all *Interfaces) {
	sections := []struct {
		path string
		*Interface
	}{
		{"interfaces.wan", &all.WAN},
		{"interfaces.lan", &all.LAN},
		{"interfaces.mgmt", &all.MGMT},
	}
	for i, this := range sections {
		named := k.Given(this.path+".name") && k.Present(this.path+".name")
		if named {
			k.Interface(this.path+".name", this.Name)
		}
		addressed := k.Present(this.path+".address") && k.interfaceAddress(this.path+".address", this.Address)
		for _, other := range sections[:i] {
			if named && this.Name == other.Name {
				k.Fail(this.path+".name", "", "%q is %s's too: each needs an interface of its own", this.Name, other.path)
			}
			if addressed && other.Address.IsValid() && this.Address.Masked().Overlaps(other.Address.Masked()) {
				k.Fail(this.path+".address", "", "%s overlaps %s's subnet %s", this.Address, other.path, other.Address.Masked())
			}
		}
	}
}

// interfaceAddress holds Azure's rules for a NIC's address (E6).
func (k *checker) interfaceAddress(path string, address netip.Prefix) bool {
	if address.Addr().Is4() && address.Bits() > 29 {
		k.Fail(path, "give the subnet's length, not that of the address alone",
			"%s: Azure's smallest subnet is a /29", address)
		return false
	}
	if err := site.CheckHostAddress(address, address.Addr()); err != nil {
		k.Fail(path, "", "%v", err)
		return false
	}
	return true
}

func (k *checker) probes(p *Probes) {
	if k.Present("probes.wan") && len(p.WAN) == 0 {
		k.Fail("probes.wan", "", "is empty: name at least one address that answers ping")
	}
	for i, addr := range p.WAN {
		if addr.IsValid() && (!addr.Is4() || addr.IsUnspecified() || addr.IsMulticast()) {
			k.Fail(fmt.Sprintf("probes.wan[%d]", i), "", "%s is not an IPv4 address that could answer ping", addr)
		}
	}
	k.Span("probes.interval", p.Interval, 50*time.Millisecond, 10*time.Second)
	k.Count("probes.failures", p.Failures, 1, 100)
	k.Count("probes.recovery", p.Recovery, 1, 100)
}
