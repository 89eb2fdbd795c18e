package scenario

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/report"
)

// The row fails where a state of Azure's network leads the traffic to nobody, or a
// packet is lost while the floating IP changes; not before or after.
func TestCheckChanges(t *testing.T) {
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	whole := func() *evidence {
		return &evidence{Facts: &report.Facts{},
			readdressed: []readdressing{
				{to: fip.Next(), began: at(10), changes: []time.Duration{at(12), at(14), at(20)}}, {to: fip, began: at(30), changes: []time.Duration{at(32), at(34), at(40)}}}}
	}
	lose := func(from int) func(*evidence) {
		return func(ev *evidence) {
			ev.Outages = map[probe.Direction][]probe.Outage{probe.Up: {{From: at(from), Length: time.Millisecond, Lost: 3}}}
		}
	}
	for name, c := range map[string]struct {
		change func(*evidence)
		want   string // "": nothing is found
	}{
		"all is well":         {func(*evidence) {}, ""},
		"lost before":         {lose(5), ""},
		"lost for nothing":    {lose(17), ""},
		"lost as it changed":  {lose(34), "3 packets lost"},
		"led to nobody":       {func(ev *evidence) { ev.readdressed[0].unserved = []string{"10.0.0.1"} }, "addresses that nobody served: [10.0.0.1]"},
		"nothing was watched": {func(ev *evidence) { ev.readdressed[1].changes = nil }, "changed 0 times"},
		"it wasn't played":    {func(ev *evidence) { ev.readdressed = nil }, "0 times"},
	} {
		ev := whole()
		c.change(ev)
		found := checkChanges(ev)
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0].detail, c.want)) {
			t.Errorf("%s: found %+v, want %q", name, found, c.want)
		}
	}
}

func TestHopWatch(t *testing.T) {
	h := hopWatch{work: "work", serves: "lan"}
	state := func(via string, addrs ...string) *plane.Plane {
		lan := plane.NIC{ID: "lan"}
		for _, addr := range addrs {
			lan.Addrs = append(lan.Addrs, netip.MustParseAddr(addr))
		}
		route := plane.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Hop: plane.VirtualAppliance, Via: netip.MustParseAddr(via), User: true}
		other := plane.Route{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Hop: plane.VirtualAppliance, Via: netip.MustParseAddr("10.0.0.9")}
		return &plane.Plane{NICs: []plane.NIC{{ID: "work", Routes: []plane.Route{other, route}}, lan}}
	}
	h.look(state("10.0.0.1", "10.0.0.4", "10.0.0.1"))
	h.look(state("10.0.0.1", "10.0.0.4", "10.0.0.2")) // taken off too early
	h.look(state("10.0.0.2", "10.0.0.4", "10.0.0.2"))
	changes, unserved := h.end()
	h.look(state("10.0.0.1"))
	if len(changes) != 2 || len(unserved) != 1 || unserved[0] != "10.0.0.1" || len(h.unserved) != 1 {
		t.Errorf("%d changes, unserved %v", len(changes), h.unserved)
	}
}
