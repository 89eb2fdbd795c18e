package routes

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/house/private"
)

func TestMain(m *testing.M) { private.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// azure is a guest as Azure's DHCP sets it up: MGMT is the first NIC, and each has a
// default route, the later the worse.
func azure(t *testing.T) Want {
	t.Helper()
	for key, value := range map[string]string{"ip_forward": "1", "conf/all/rp_filter": "0", "conf/default/rp_filter": "0"} {
		must(t, os.WriteFile("/proc/sys/net/ipv4/"+key, []byte(value), 0)) // the gate's business
	}
	want := Want{Outside: []netip.Addr{netip.MustParseAddr("203.0.113.30"), netip.MustParseAddr("203.0.113.31")}}
	for i, leg := range []struct {
		*Leg
		name, address string
	}{{&want.MGMT, "eth0", "10.102.3.10/24"}, {&want.WAN, "eth1", "10.102.1.10/24"}, {&want.LAN, "eth2", "10.102.2.10/24"}} {
		*leg.Leg = Leg{leg.name, netip.MustParsePrefix(leg.address)}
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: leg.name}, PeerName: leg.name + "far"}))
		link, err := netlink.LinkByName(leg.name)
		must(t, err)
		t.Cleanup(func() { must(t, netlink.LinkDel(link)) })
		far, err := netlink.LinkByName(leg.name + "far")
		must(t, err)
		must(t, netlink.LinkSetUp(far))
		must(t, netlink.LinkSetUp(link))
		address(t, leg.name, leg.address)
		gateway := net.IPv4(10, 102, want.subnet(leg.Leg), 1)
		must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway, Priority: 100 * (i + 1), Dst: network(netip.PrefixFrom(netip.IPv4Unspecified(), 0))}))
	}
	address(t, "eth2", "10.102.2.200/32")
	t.Cleanup(func() { must(t, Settle(Want{})) })
	return want
}

func (w *Want) subnet(leg *Leg) byte { return leg.Address.Addr().As4()[2] }

func address(t *testing.T, name, text string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	must(t, err)
	addr, err := netlink.ParseAddr(text)
	must(t, err)
	must(t, netlink.AddrAdd(link, addr))
}

// by is the interface that the kernel would take.
func by(t *testing.T, from, iif, to string) string {
	t.Helper()
	found, err := netlink.RouteGetWithOptions(net.ParseIP(to), &netlink.RouteGetOptions{SrcAddr: net.ParseIP(from), Iif: iif})
	must(t, err)
	link, err := netlink.LinkByIndex(found[0].LinkIndex)
	must(t, err)
	return link.Attrs().Name
}

type way struct{ what, from, iif, to, want string }

func check(t *testing.T, ways ...way) {
	t.Helper()
	for _, w := range ways {
		if got := by(t, w.from, w.iif, w.to); got != w.want {
			t.Errorf("%s leaves by %s, want %s", w.what, got, w.want)
		}
	}
}

// C3: each kind of traffic leaves by its interface, whatever DHCP prefers.
func TestEachLeavesByItsInterfaceC3(t *testing.T) {
	want := azure(t)
	check(t, way{"before, the tunnel", "", "", "203.0.113.30", "eth0"})
	must(t, Settle(want))
	common := []way{
		{"ARM", "10.102.3.10", "", "20.0.0.1", "eth0"},
		{"a PoP that is the manager too, from MGMT,", "10.102.3.10", "", "203.0.113.30", "eth0"},
		{"the tunnel", "", "", "203.0.113.30", "eth1"},
		{"the tunnel to the second PoP", "", "", "203.0.113.31", "eth1"},
		{"the tunnel's answer", "10.102.1.10", "", "203.0.113.77", "eth1"},
		{"the floating IP's pong to a host", "10.102.2.200", "", "10.102.4.10", "eth2"},
		{"a keepalive by MGMT", "10.102.3.10", "", "10.102.3.11", "eth0"},
		{"a keepalive by the LAN", "10.102.2.10", "", "10.102.2.11", "eth2"},
		{"what nobody has said anything of", "", "", "198.51.100.1", "eth0"},
		{"what comes back by the WAN", "198.51.100.1", "eth1", "10.102.4.10", "eth2"},
	}
	check(t, append(common, way{"the site's, by NAT,", "10.102.4.10", "eth2", "198.51.100.1", "eth1"})...)

	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "tun"}, PeerName: "tunfar"}))
	tun, err := netlink.LinkByName("tun")
	must(t, err)
	t.Cleanup(func() { must(t, netlink.LinkDel(tun)) })
	must(t, netlink.LinkSetUp(tun))
	want.Tunnel = "tun"
	must(t, Settle(want))
	check(t, append(common, way{"what comes by the tunnel", "10.103.0.1", "tun", "10.102.4.10", "eth2"})...)
}

// Nothing is touched that is as it should be, what was taken away comes back, and in
// the end all is gone.
func TestSettleIsIdempotent(t *testing.T) {
	want := azure(t)
	before := ours(t)
	must(t, Settle(want))
	made := ours(t)
	must(t, Settle(want))
	if again := ours(t); len(made) != 7 || len(again) != len(made) {
		t.Fatalf("%d rules, then %d, want 7", len(made), len(again))
	}
	must(t, netlink.RuleDel(&made[2]))
	must(t, Settle(want))
	if again := ours(t); len(again) != len(made) {
		t.Errorf("%d rules after one was taken away", len(again))
	}
	want.Outside = want.Outside[:1]
	must(t, Settle(want))
	if again := ours(t); len(again) != 6 {
		t.Errorf("%d rules with one PoP less", len(again))
	}
	must(t, Settle(Want{}))
	if left := ours(t); len(left) != len(before) {
		t.Errorf("left behind: %v", left)
	}
}

func ours(t *testing.T) (list []netlink.Rule) {
	t.Helper()
	all, err := netlink.RuleList(netlink.FAMILY_V4)
	must(t, err)
	for _, rule := range all {
		if rule.Priority >= first && rule.Priority <= last {
			list = append(list, rule)
		}
	}
	return list
}
