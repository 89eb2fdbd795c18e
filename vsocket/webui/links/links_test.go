package links

import (
	"testing"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/house/private"
)

// The tests run in namespaces of their own.
func TestMain(m *testing.M) { private.Main(m) }

// The five states of the source's page, as an interface comes to be.
func TestStates(t *testing.T) {
	yes, no := true, false
	want := func(state State, cloud *bool) {
		t.Helper()
		l, err := Look("WAN1", "wan", cloud)
		if err != nil || l.State != state {
			t.Errorf("%+v, want %s, %v", l, state, err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want(Unplugged, &yes)
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan", MTU: 1400}, PeerName: "far"}
	must(netlink.LinkAdd(veth))
	want(Down, &yes)
	far, err := netlink.LinkByName("far")
	must(err)
	must(netlink.LinkSetUp(veth))
	must(netlink.LinkSetUp(far))
	want(NoAddress, &yes)
	addr, err := netlink.ParseAddr("10.102.1.10/24")
	must(err)
	must(netlink.AddrAdd(veth, addr))
	want(NoCloud, &no)
	want(Connected, &yes)
	want(Connected, nil)
	l, _ := Look("WAN1", "wan", nil)
	if len(l.Addresses) != 1 || l.Addresses[0].String() != "10.102.1.10/24" || l.MTU != 1400 || l.MAC == "" {
		t.Errorf("%+v", l)
	}
}
