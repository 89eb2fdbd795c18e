package config

import (
	"net/netip"
	"time"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
)

func (k *checker) ha(c *Config) {
	k.peer(c)
	k.floatingIP(c)
	k.Key("ha.key", c.HA.Key, sampleKey, "head -c 32 /dev/urandom | base64 makes one; both vSockets have the same")
	k.timers(c.HA)
	if c.HA.Preempt != PreemptOn && c.HA.Preempt != PreemptOff {
		k.Fail("ha.preempt", "", "%q is neither on nor off", c.HA.Preempt)
	}
	if c.HA.Alone != AloneStay && c.HA.Alone != AloneStop {
		k.Fail("ha.alone", "", "%q is neither stay nor stop", c.HA.Alone)
	}
}

// peer holds A6: both vSockets are in the same subnets.
func (k *checker) peer(c *Config) {
	k.neighbour("ha.peer.lan", c.HA.Peer.LAN, "interfaces.lan.address", c.Interfaces.LAN.Address)
	k.neighbour("ha.peer.mgmt", c.HA.Peer.MGMT, "interfaces.mgmt.address", c.Interfaces.MGMT.Address)
}

// neighbour checks an address that must be another one in the subnet of own,
// which stands at ownPath.
func (k *checker) neighbour(path string, addr netip.Addr, ownPath string, own netip.Prefix) bool {
	if !k.Present(path) || !own.IsValid() || k.Wrong(ownPath) {
		return false
	}
	if addr == own.Addr() {
		k.Fail(path, "", "%s is this vSocket's own address (%s)", addr, ownPath)
		return false
	}
	if err := site.CheckHostAddress(own, addr); err != nil {
		k.Fail(path, "", "%v", err)
		return false
	}
	return true
}

func (k *checker) floatingIP(c *Config) {
	const path = "ha.floating_ip"
	if k.neighbour(path, c.HA.FloatingIP, "interfaces.lan.address", c.Interfaces.LAN.Address) &&
		c.HA.FloatingIP == c.HA.Peer.LAN {
		k.Fail(path, "take a free address of the LAN subnet", "%s is the peer's own address (ha.peer.lan)", c.HA.FloatingIP)
	}
}

// timers holds the bounds of ha.md sections 2 and 3.
func (k *checker) timers(ha *HA) {
	k.within("ha.confirm", ha.Confirm, site.ConfirmSpan)
	k.within("ha.hold", ha.Hold, site.HoldSpan)
	steady := k.within("ha.keepalive", ha.Keepalive, site.KeepaliveSpan)
	silent := k.within("ha.silent", ha.Silent, site.SilentSpan)
	if k.Wrong("ha.keepalive") || !steady {
		return
	}
	least := site.SilentKeepalives * ha.Keepalive
	if silent && ha.Silent < least {
		k.Fail("ha.silent", "", "%s is shorter than 3 keepalives (%s)", settings.Duration(ha.Silent), settings.Duration(least))
	}
	if k.Given("ha.lease") && k.within("ha.lease", ha.Lease, site.LeaseSpan) && ha.Lease < least {
		k.Fail("ha.lease", "leave it out: then it is as long as silent",
			"%s is shorter than 3 keepalives (%s)", settings.Duration(ha.Lease), settings.Duration(least))
	}
}

func (k *checker) within(path string, d time.Duration, s site.Span) bool {
	return k.Span(path, d, s.Least, s.Most)
}

// KeyBytes returns the key of a checked Config.
func (ha *HA) KeyBytes() []byte { return settings.KeyBytes(ha.Key) }
