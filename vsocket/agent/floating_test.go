package agent

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// R14: the active that changes the floating IP dies in the middle. The other moves
// both addresses, goes on, and finishes; who was killed comes back as its standby
// and sees that the former one is gone, too.
func TestFloatingIPChangesThroughATakeoverR14(t *testing.T) {
	w := newWorld(t)
	next := netip.MustParseAddr("10.102.2.201")
	change := steer.Change{Former: []netip.Addr{fip}}
	for _, n := range w.nodes[1:] {
		n.conf.HA.Preempt = false
	}
	p, s := w.bootBoth()
	for _, n := range w.nodes[1:] {
		n.conf.FloatingIP, n.conf.Steer.FloatingIP, n.conf.Steer.Change = next, next, change
		n.driver.FloatingIP(w.now, next, change)
	}
	steps := func(ofP, ofS steer.Step) {
		t.Helper()
		for n, want := range map[*node]steer.Step{p: ofP, s: ofS} {
			if got := n.driver.FIPChange(); got == nil || got.Step != string(want) {
				t.Errorf("%s: the %s says %+v, want %s", w.clock(), n.side, got, want)
			}
		}
	}
	both := []netip.Addr{next, fip}
	if w.run(15 * time.Second); !slices.Equal(p.addrs, both) {
		t.Errorf("the primary's guest has %v", p.addrs)
	}
	steps(steer.Routes, steer.Waits)
	p.crash()
	w.servesWithin(s, 10*time.Second)
	if w.run(5 * time.Second); !slices.Equal(s.addrs, both) || len(w.arm.configs(s.side)) != 3 {
		t.Errorf("the secondary's guest has %v, its NIC %v", s.addrs, w.arm.configs(s.side))
	}
	w.boot(site.Primary)
	w.run(10 * time.Second)
	steps(steer.Waits, steer.Routes)
	w.run(3 * time.Minute)
	steps(steer.Done, steer.Done)
	w.at1(s, site.Active)
	if on := w.arm.configs(s.side); len(on) != 2 || len(w.arm.configs(p.side)) != 1 || !slices.Equal(s.addrs, both[:1]) {
		t.Errorf("the NIC has %v, the guest %v", on, s.addrs)
	}
	for _, n := range w.nodes[1:] {
		n.driver.FloatingIP(w.now, next, steer.Change{})
		if c := n.driver.FIPChange(); c != nil {
			t.Errorf("the %s still says %+v", n.side, c)
		}
	}
	w.run(time.Minute)
	w.settled(s, 1)
}
