package config

import (
	"encoding/base64"
	"net/netip"
	"time"

	"releve.dev/releve/site"
)

// keyBytes is the length of every key: HMAC-SHA-256's own, and WireGuard's.
const keyBytes = 32

func (k *checker) ha(c *Config) {
	k.peer(c)
	k.floatingIP(c)
	k.key("ha.key", c.HA.Key, sampleKey, "head -c 32 /dev/urandom | base64 makes one; both vSockets have the same")
	k.timers(c.HA)
	if c.HA.Preempt != PreemptOn && c.HA.Preempt != PreemptOff {
		k.fail("ha.preempt", "", "%q is neither on nor off", c.HA.Preempt)
	}
	if c.HA.Alone != AloneStay && c.HA.Alone != AloneStop {
		k.fail("ha.alone", "", "%q is neither stay nor stop", c.HA.Alone)
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
	if !k.present(path) || !own.IsValid() || k.binding.wrong(ownPath) {
		return false
	}
	if addr == own.Addr() {
		k.fail(path, "", "%s is this vSocket's own address (%s)", addr, ownPath)
		return false
	}
	if err := site.CheckHostAddress(own, addr); err != nil {
		k.fail(path, "", "%v", err)
		return false
	}
	return true
}

func (k *checker) floatingIP(c *Config) {
	const path = "ha.floating_ip"
	if k.neighbour(path, c.HA.FloatingIP, "interfaces.lan.address", c.Interfaces.LAN.Address) &&
		c.HA.FloatingIP == c.HA.Peer.LAN {
		k.fail(path, "take a free address of the LAN subnet", "%s is the peer's own address (ha.peer.lan)", c.HA.FloatingIP)
	}
}

// key checks one that must not be the sample's.
func (k *checker) key(path, text, sample, remedy string) {
	if !k.present(path) {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil: // the value is a secret, so it is not repeated
		k.fail(path, remedy, "is not base64")
	case len(raw) != keyBytes:
		k.fail(path, remedy, "is %d bytes long, not %d", len(raw), keyBytes)
	case text == sample:
		k.fail(path, remedy, "is the sample's, which everybody knows")
	case [keyBytes]byte(raw) == [keyBytes]byte{}:
		k.fail(path, remedy, "is all zeros")
	}
}

// timers holds the bounds of ha.md sections 2 and 3.
func (k *checker) timers(ha *HA) {
	k.span("ha.confirm", ha.Confirm, 0, time.Minute)
	k.span("ha.hold", ha.Hold, 0, time.Hour)
	steady := k.span("ha.keepalive", ha.Keepalive, 10*time.Millisecond, time.Second)
	silent := k.span("ha.silent", ha.Silent, 30*time.Millisecond, 3*time.Second)
	if k.binding.wrong("ha.keepalive") || !steady {
		return
	}
	least := 3 * ha.Keepalive
	if silent && ha.Silent < least {
		k.fail("ha.silent", "", "%s is shorter than 3 keepalives (%s)", span(ha.Silent), span(least))
	}
	if k.binding.given("ha.lease") && k.span("ha.lease", ha.Lease, 0, 3*time.Second) && ha.Lease < least {
		k.fail("ha.lease", "leave it out: then it is as long as silent",
			"%s is shorter than 3 keepalives (%s)", span(ha.Lease), span(least))
	}
}

// KeyBytes returns the key of a checked Config.
func (ha *HA) KeyBytes() []byte { return mustBytes(ha.Key) }

func mustBytes(key string) []byte {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		panic("config: a key of a checked Config is not base64")
	}
	return raw
}
