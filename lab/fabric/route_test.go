package fabric

import (
	"net/netip"
	"testing"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
)

// packetOf is a UDP packet in a frame from a guest.
func packetOf(t testing.TB, src, dst string) (frame.Packet, []byte) {
	t.Helper()
	eth := make([]byte, frame.HeaderLen+28)
	copy(eth, fabricMAC[:])
	eth[12] = 8
	ip := eth[frame.HeaderLen:]
	ip[0], ip[3], ip[8], ip[9] = 0x45, 28, 64, frame.UDP
	from, to := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	p, ok := frame.Parse(nil, eth)
	if !ok {
		t.Fatal("the test's own packet can't be read")
	}
	return p, eth
}

func netAddr(text string) netip.Addr { return netip.MustParseAddr(text) }

func routes(via string, hops ...plane.Route) []plane.Route {
	system := []plane.Route{
		{Prefix: netip.MustParsePrefix("10.102.0.0/16"), Hop: plane.VNetLocal},
		{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Hop: plane.None},
		{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Hop: plane.Internet},
	}
	for i := range hops {
		hops[i].Hop, hops[i].Via, hops[i].User = plane.VirtualAppliance, netAddr(via), true
	}
	last := len(system) - 1 // most specific first, and of equal ones the user's
	return append(append(system[:last:last], hops...), system[last])
}

// regionPlane has all kinds of next hop.
func regionPlane() *plane.Plane {
	toPublic := func(private, public string) map[netip.Addr]netip.Addr {
		return map[netip.Addr]netip.Addr{netAddr(private): netAddr(public)}
	}
	addrs := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netAddr(text))
		}
		return list
	}
	dflt := plane.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0")}
	return &plane.Plane{NICs: []plane.NIC{
		{ID: "VM1", VNet: "a", Addrs: addrs("10.102.4.4"), Routes: routes("10.102.2.200", dflt)},
		{ID: "lost", VNet: "a", Addrs: addrs("10.102.4.5"), Routes: routes("10.102.2.250", dflt)},
		{ID: "lan", VNet: "a", Addrs: addrs("10.102.2.10", "10.102.2.200"), Forwarding: true, Routes: routes("")},
		{ID: "wan", VNet: "a", Addrs: addrs("10.102.1.10"), Public: toPublic("10.102.1.10", "203.0.113.100"), Forwarding: true, Routes: routes("")},
		{ID: "web", VNet: "a", Addrs: addrs("10.102.6.6"), Public: toPublic("10.102.6.6", "203.0.113.6"), Routes: routes("")},
		{ID: "rigid", VNet: "a", Addrs: addrs("10.102.6.7"), Routes: routes("10.102.6.6", dflt)},
		{ID: "elsewhere", VNet: "b", Addrs: addrs("10.102.4.9"), Routes: routes("")},
		{ID: "routeless", VNet: "a", Addrs: addrs("10.102.7.7")},
	}}
}

// region is the view of regionPlane with every NIC and a host attached.
func region() *view {
	var ports []*port
	for i, name := range []string{"vm1", "lost", "lan", "wan", "web", "rigid", "elsewhere", "routeless"} {
		ports = append(ports, &port{index: i, name: name})
	}
	ports = append(ports, &port{index: len(ports), name: "203.0.113.10", public: netAddr("203.0.113.10")})
	fl := newFaults()
	return buildView(regionPlane(), ports, &fl)
}

func (v *view) named(name string) *end {
	for _, e := range v.ends {
		if e.port.name == name {
			return e
		}
	}
	panic("no port " + name)
}

func TestRoute(t *testing.T) {
	v := region()
	for _, tc := range []struct {
		name, from, src, dst string
		to                   string // "" if dropped
		why                  reason
		newSrc, newDst       string // as the receiver sees them; "" unchanged
	}{
		{"within the VNet", "vm1", "10.102.4.4", "10.102.1.10", "wan", delivered, "", ""},
		{"a secondary address", "vm1", "10.102.4.4", "10.102.2.200", "lan", delivered, "", ""},
		{"next hop is the holder of the FIP", "vm1", "10.102.4.4", "203.0.113.10", "lan", delivered, "", ""},
		{"the gateway can't be pinged", "vm1", "10.102.4.4", "10.102.4.1", "", dropNoOwner, "", ""},
		{"an address of the VNet that nobody has", "vm1", "10.102.4.4", "10.102.9.9", "", dropNoOwner, "", ""},
		{"another VNet's address", "vm1", "10.102.4.4", "10.102.4.9", "", dropNoOwner, "", ""},
		{"nobody has the next hop", "lost", "10.102.4.5", "203.0.113.10", "", dropNoOwner, "", ""},
		{"next hop doesn't forward", "rigid", "10.102.6.7", "203.0.113.10", "", dropNotForwarding, "", ""},
		{"the rest of 10/8 leads nowhere", "wan", "10.102.1.10", "10.103.0.1", "", dropRouteNone, "", ""},
		{"no routes at all", "routeless", "10.102.7.7", "10.102.4.4", "", dropRouteNone, "", ""},
		{"to the Internet", "wan", "10.102.1.10", "203.0.113.10", "203.0.113.10", delivered, "203.0.113.100", ""},
		{"to the Internet with a foreign source", "wan", "10.102.4.4", "203.0.113.10", "", dropNoPublic, "", ""},
		{"to the Internet without a public address", "lan", "10.102.2.10", "203.0.113.10", "", dropNoPublic, "", ""},
		{"a host that isn't there", "wan", "10.102.1.10", "198.51.100.1", "", dropNoHost, "", ""},
		{"to another VM's public address", "wan", "10.102.1.10", "203.0.113.6", "web", delivered, "203.0.113.100", "10.102.6.6"},
		{"from the Internet", "203.0.113.10", "203.0.113.10", "203.0.113.100", "wan", delivered, "", "10.102.1.10"},
		{"from the Internet to a private address", "203.0.113.10", "203.0.113.10", "10.102.1.10", "", dropNoHost, "", ""},
	} {
		pkt, _ := packetOf(t, tc.src, tc.dst)
		dst, why := v.route(v.named(tc.from), &pkt)
		if why != tc.why || dst != nil && dst.port.name != tc.to || dst == nil && tc.to != "" {
			t.Errorf("%s: dropped for %q, sent to an end: %v", tc.name, reasonNames[why], dst != nil)
			continue
		}
		if why != delivered {
			continue
		}
		wantSrc, wantDst := tc.newSrc, tc.newDst
		if wantSrc == "" {
			wantSrc = tc.src
		}
		if wantDst == "" {
			wantDst = tc.dst
		}
		if pkt.Src.Netip().String() != wantSrc || pkt.Dst.Netip().String() != wantDst {
			t.Errorf("%s: arrives as %v -> %v", tc.name, pkt.Src.Netip(), pkt.Dst.Netip())
		}
	}
}

func TestAdmissible(t *testing.T) {
	v := region()
	mac := [6]byte{0, 1, 2, 3, 4, 5}
	for _, tc := range []struct {
		name, from, src, dst string
		spoil                func(*frame.Packet, []byte)
		want                 reason
	}{
		{"own source", "vm1", "10.102.4.4", "10.102.1.10", nil, delivered},
		{"spoofed source", "vm1", "10.102.4.5", "10.102.1.10", nil, dropSpoofed},
		{"foreign source of a forwarder", "lan", "10.102.4.4", "10.102.1.10", nil, delivered},
		{"spoofed source of a host", "203.0.113.10", "203.0.113.11", "203.0.113.100", nil, dropSpoofed},
		{"multicast", "vm1", "10.102.4.4", "224.0.0.18", nil, dropMulticast},
		{"broadcast", "vm1", "10.102.4.4", "255.255.255.255", nil, dropBroadcast},
		{"broadcast frame", "vm1", "10.102.4.4", "10.102.4.255",
			func(_ *frame.Packet, eth []byte) { copy(eth, []byte{255, 255, 255, 255, 255, 255}) }, dropBroadcast},
		{"multicast frame", "vm1", "10.102.4.4", "10.102.4.5",
			func(_ *frame.Packet, eth []byte) { copy(eth, []byte{1, 0, 0x5e, 0, 0, 18}) }, dropMulticast},
		{"to another VM's MAC", "vm1", "10.102.4.4", "10.102.4.5", func(_ *frame.Packet, eth []byte) { eth[0] = 2 }, dropForeignMAC},
		{"from another MAC", "vm1", "10.102.4.4", "10.102.4.5", func(_ *frame.Packet, eth []byte) { eth[6] = 9 }, dropForeignMAC},
		{"IP in IP", "vm1", "10.102.4.4", "10.102.1.10", func(p *frame.Packet, _ []byte) { p.Proto = frame.IPIP }, dropProtocol},
		{"GRE", "vm1", "10.102.4.4", "10.102.1.10", func(p *frame.Packet, _ []byte) { p.Proto = frame.GRE }, dropProtocol},
		{"ESP", "vm1", "10.102.4.4", "10.102.1.10", func(p *frame.Packet, _ []byte) { p.Proto = 50 }, delivered},
		{"Azure's own UDP port", "vm1", "10.102.4.4", "10.102.1.10", func(p *frame.Packet, _ []byte) { p.SrcPort = 65330 }, dropProtocol},
	} {
		src := v.named(tc.from)
		src.port.mac = mac
		pkt, eth := packetOf(t, tc.src, tc.dst)
		copy(eth[6:], mac[:])
		if tc.spoil != nil {
			tc.spoil(&pkt, eth)
		}
		if got := admissible(src, &pkt, eth); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, reasonNames[got], reasonNames[tc.want])
		}
	}
}

// Every reason has a name of its own, and the overload's are told by theirs.
func TestReasonNames(t *testing.T) {
	seen := make(map[string]bool)
	for why := delivered + 1; why < reasons; why++ {
		name := reasonNames[why]
		if name == "" || seen[name] {
			t.Errorf("reason %d is called %q", why, name)
		}
		seen[name] = true
		if overload := len(name) > 9 && name[:9] == "overload-"; overload != (why >= firstOverload) {
			t.Errorf("%q on the wrong side of the overloads", name)
		}
	}
}
