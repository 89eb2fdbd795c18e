package main

import (
	"net/netip"
	"slices"

	"releve.dev/releve/vsocket/guest"
)

// floating is the guest's port. It remembers what the guest has, as IMDS is asked
// for that.
type floating struct {
	*guest.Guest
	addrs []netip.Addr // the loop's own
}

// newFloating takes what was left off the interface.
func newFloating(iface string, addr netip.Addr, former ...netip.Addr) (*floating, error) {
	g, err := guest.New(iface, addr, former...)
	return &floating{g, []netip.Addr{addr}}, err
}

// Addresses is agent.Guest.
func (f *floating) Addresses(list []netip.Addr) error {
	f.addrs = slices.Clone(list)
	return f.Guest.Addresses(list)
}
