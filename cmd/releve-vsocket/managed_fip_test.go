package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
)

// has reports whether the guest has an address on its LAN interface.
func (n *appliance) has(addr netip.Addr) (there bool) {
	must(n.w.t, n.host.Do(func() error {
		link, err := netlink.LinkByName(azuresite.LAN)
		if err != nil {
			return err
		}
		list, err := netlink.AddrList(link, netlink.FAMILY_V4)
		there = slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.IP.Equal(net.IP(addr.AsSlice())) })
		return err
	}))
	return there
}

// Another floating IP from the manager, with real agents whose identity can't read
// the route tables (R14): both addresses are in use at once, a kill of the active in
// the middle moves both, a person's word ends it, and who was killed goes on as well.
func TestAnotherFloatingIP(t *testing.T) {
	if testing.Short() {
		t.Skip("a change writes once in ten seconds")
	}
	w := newManaged(t)
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	old, fresh := azuresite.FloatingIP, azuresite.FloatingIP.Next()
	for _, n := range w.nodes[1:] {
		n.give(n.settings(2, 1, nil))
		n.start()
	}
	p.until("is the active one", func(s *site.Status) bool { return s.Role == site.Active && s.FIP.Steered && s.HA.Ready })
	if err := p.agent.Moved(t.Context()); err == nil || !strings.Contains(err.Error(), "no change") {
		t.Errorf("a word about nothing: %v", err)
	}

	other := func(h *contract.HA) { h.FloatingIp = fresh.String() }
	if status := p.give(p.settings(3, 1, other)); status.Applied != 2 || !strings.Contains(status.Problem, "once both vSockets") {
		t.Errorf("one has another floating IP: %+v", status)
	}
	s.give(s.settings(3, 1, other))
	waits := func(s *site.Status) bool {
		c := s.FIP.Change
		return c != nil && c.Step == string(steer.Routes) && len(c.Unread) > 0 && s.Settings.Applied == 2 && strings.Contains(s.Settings.Problem, "fip-moved")
	}
	p.until("waits for a person", waits)
	if !p.has(old) || !p.has(fresh) {
		t.Errorf("the active's guest has %s: %v, %s: %v", old, p.has(old), fresh, p.has(fresh))
	}

	p.kill()
	s.until("takes over, and waits for a person", func(s *site.Status) bool { return s.Role == site.Active && s.Master && waits(s) })
	if !s.has(old) || !s.has(fresh) {
		t.Errorf("the next active's guest has %s: %v, %s: %v", old, s.has(old), fresh, s.has(fresh))
	}
	p.start()
	p.until("is a standby with the change under way", func(s *site.Status) bool {
		return s.Role == site.Standby && s.FIP.Address == fresh && s.FIP.Change != nil && s.Settings.Applied == 2
	})
	if p.has(old) || p.has(fresh) {
		t.Error("the standby's guest has a floating IP")
	}

	must(t, s.agent.Moved(t.Context()))
	s.applied(3)
	s.until("has forgotten the former one", func(s *site.Status) bool { return s.FIP.Change == nil && s.Master })
	if s.has(old) || !s.has(fresh) {
		t.Errorf("in the end the guest has %s: %v, %s: %v", old, s.has(old), fresh, s.has(fresh))
	}
	p.kill() // a standby looks once a minute, and when it begins
	p.start()
	p.applied(3)
	p.until("has forgotten it as well", func(s *site.Status) bool { return s.FIP.Change == nil && s.FIP.Address == fresh && s.HA.Ready })
}
