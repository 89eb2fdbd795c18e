package main

import (
	"net/netip"
	"strings"
	"testing"

	"releve.dev/releve/site"
)

// R14: a person reads which entries are to be changed, and why not by the vSocket.
func TestAChangeIsShown(t *testing.T) {
	old := netip.MustParseAddr("10.102.2.200")
	entry := site.RouteEntry{Table: "/work", Route: "all", Prefix: "0.0.0.0/0", NextHop: old}
	for _, c := range []struct {
		change *site.FIPChange
		want   []string
	}{
		{nil, nil},
		{&site.FIPChange{Step: "waits"}, []string{"change", "waits"}},
		{&site.FIPChange{Step: "adds", Former: []netip.Addr{old}}, []string{"is added beside 10.102.2.200"}},
		{&site.FIPChange{Step: "adds", Problem: "it is taken"}, []string{"doesn't go on: it is taken"}},
		{&site.FIPChange{Step: "routes", Former: []netip.Addr{old}, Routes: []site.RouteEntry{entry}, Denied: []string{"may not write"}},
			[]string{"change them in Azure", "all (0.0.0.0/0) in /work leads to 10.102.2.200", "may not write"}},
		{&site.FIPChange{Step: "routes", Former: []netip.Addr{old}, Unread: []string{"may not read"}}, []string{"releve-vsocket fip-moved", "may not read"}},
		{&site.FIPChange{Step: "routes", Former: []netip.Addr{old}}, []string{"for 30 s"}},
		{&site.FIPChange{Step: "drops", Former: []netip.Addr{old}}, []string{"10.102.2.200 goes"}},
		{&site.FIPChange{Step: "done"}, []string{"done"}},
	} {
		var out strings.Builder
		s := &site.Status{HA: site.HAStatus{Configured: true}, FIP: site.FIPStatus{Address: old, Change: c.change}}
		if err := printStatus(&out, s); err != nil {
			t.Fatal(err)
		}
		if c.change == nil && strings.Contains(out.String(), "change") {
			t.Errorf("no change: %s", out.String())
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%+v: no %q in\n%s", c.change, want, out.String())
			}
		}
	}
}
