package fabric_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/plane"
)

// arp is an ARP message from a guest whose MAC ends with last.
func arp(op uint16, last byte, sender, target string) []byte {
	mac := []byte{0, 0x0d, 0x3a, 0, 0, last}
	f := append([]byte{255, 255, 255, 255, 255, 255}, mac...)
	f = append(f, 8, 6, 0, 1, 8, 0, 6, 4, byte(op>>8), byte(op))
	f = append(append(f, mac...), addr(sender).AsSlice()...)
	return append(append(f, 0, 0, 0, 0, 0, 0), addr(target).AsSlice()...)
}

// Azure answers ARP for every address of the VNet itself, and never for the
// asker's own.
func TestARPIsAnsweredByTheFabric(t *testing.T) {
	s := newSite(t)
	r := s.guests["client"].raw("eth0")
	for _, target := range []string{"10.102.4.1", "10.102.4.77", "10.102.2.10", fip, "10.102.200.9"} {
		r.send(arp(1, 4, "10.102.4.4", target))
		answer := r.next(func(f []byte) bool { return f[12] == 8 && f[13] == 6 && f[21] == 2 })
		if got := net.HardwareAddr(answer[22:28]).String(); got != gatewayMAC {
			t.Errorf("%s is said to be at %s", target, got)
		}
		if got := netip.AddrFrom4([4]byte(answer[28:32])); got != addr(target) {
			t.Errorf("asked for %s, told about %s", target, got)
		}
	}
	// A duplicate address probe for the own address (RFC 5227), and one of
	// another network.
	for _, target := range []string{"10.102.4.4", "192.168.7.7"} {
		s.dropsOne(clientNIC, "arp-unanswered", func() { r.send(arp(1, 4, "0.0.0.0", target)) })
	}
	s.dropsOne(clientNIC, "gratuitous-arp", func() { r.send(arp(1, 4, "10.102.4.9", "10.102.4.9")) })
}

// A gratuitous ARP of the standby moves nothing (A4, azure.md section 5).
func TestGratuitousARPMovesNothing(t *testing.T) {
	s := newSite(t)
	s.guests["secondary"].address("lan", fip+"/32")
	r := s.guests["secondary"].raw("lan")
	for _, op := range []uint16{1, 2} {
		s.dropsOne(secondaryLAN, "gratuitous-arp", func() { r.send(arp(op, 0x11, fip, fip)) })
	}
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	for _, n := range s.Stats().NICs {
		if n.Name == secondaryLAN && n.ToGuest.Packets != 0 {
			t.Errorf("the secondary got %d packets", n.ToGuest.Packets)
		}
	}
}

// The floating IP moves between two appliances without a lost packet at 1,000
// packets a second, as the fabric adds nothing to Azure's own time.
func TestFloatingIPMoveLosesNothing(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	s.moveFIP(secondaryLAN)
	passes(t, client, server, "10.102.5.5:7000") // both have resolved their neighbours
	const moves = 20
	sent, got := stream(t, client, server, "10.102.5.5:7000", func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := range moves {
			<-tick.C
			s.moveFIP([]string{primaryLAN, secondaryLAN}[i%2])
		}
	})
	if len(got) != sent {
		t.Errorf("%d of %d packets arrived", len(got), sent)
	}
	through := make(map[string]uint64)
	for _, n := range s.Stats().NICs {
		through[n.Name] = n.ToGuest.Packets
	}
	if through[primaryLAN] < 50 || through[secondaryLAN] < 50 {
		t.Errorf("traffic didn't alternate: %v", through)
	}
	if o := s.Stats().Overload; o != 0 {
		t.Errorf("the lab lost %d packets itself", o)
	}
}

// While nobody has the floating IP its traffic is dropped, and the rest isn't.
func TestDetachedFloatingIP(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	s.moveFIP("nobody")
	s.dropsOne(clientNIC, "address-on-no-nic", func() { send(t, client, "10.102.5.5:7000", "lost") })
	silent(t, server)
	s.guests["client"].pinger().rtt("10.102.2.10")
	s.moveFIP(primaryLAN)
	passes(t, client, server, "10.102.5.5:7000")
}

// The forwarding flag is needed to send foreign sources and to get foreign
// destinations.
func TestForwardingFlag(t *testing.T) {
	s := newSite(t)
	s.guests["primary"].address("lan", fip+"/32")
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	set := func(id string, on bool) {
		s.edit(func(p *plane.Plane) { nicOf(p, id).Forwarding = on })
	}
	set(primaryLAN, false)
	s.dropsOne(clientNIC, "destination-not-forwarding", func() { send(t, client, "10.102.5.5:7000", "lost") })
	s.guests["client"].pinger().rtt(fip) // an address of its own needs no flag
	set(primaryLAN, true)
	set(primaryWAN, false)
	s.dropsOne(primaryWAN, "spoofed-source", func() { send(t, client, "10.102.5.5:7000", "lost") })
	set(primaryWAN, true)
	silent(t, server)
	passes(t, client, server, "10.102.5.5:7000")
}

func TestSpoofedSource(t *testing.T) {
	s := newSite(t)
	s.guests["client"].address("eth0", "10.102.4.9/24")
	liar := s.guests["client"].udp("10.102.4.9:7001")
	server := s.guests["server"].udp("10.102.5.5:7000")
	s.dropsOne(clientNIC, "spoofed-source", func() { send(t, liar, "10.102.5.5:7000", "lie") })
	silent(t, server)
}

// What Azure doesn't carry: multicast, broadcast, IP in IP, GRE, IPv6; and its
// gateway doesn't answer ping.
func TestWhatAzureDoesNotCarry(t *testing.T) {
	s := newSite(t)
	r := s.guests["client"].raw("eth0")
	for _, tc := range []struct {
		reason string
		spoil  func([]byte)
	}{
		{"multicast", func(f []byte) { copy(f, []byte{1, 0, 0x5e, 0, 0, 18}); copy(f[30:], []byte{224, 0, 0, 18}) }},
		{"broadcast", func(f []byte) { copy(f, []byte{255, 255, 255, 255, 255, 255}) }},
		{"blocked-protocol", func(f []byte) { f[23] = 4 }},
		{"blocked-protocol", func(f []byte) { f[23] = 47 }},
		{"ipv6", func(f []byte) { f[12], f[13] = 0x86, 0xdd }},
		{"ethertype", func(f []byte) { f[12], f[13] = 0x88, 0xcc }},
		{"malformed", func(f []byte) { f[14] = 0x55 }},
		{"foreign-mac", func(f []byte) { f[5] = 0 }},
		{"address-on-no-nic", func(f []byte) { copy(f[30:], []byte{10, 102, 4, 1}) }},
	} {
		f := make([]byte, 14+28)
		copy(f, []byte{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0, 0x0d, 0x3a, 0, 0, 4, 8, 0, 0x45})
		binary.BigEndian.PutUint16(f[16:], 28)
		f[22], f[23] = 64, 17
		copy(f[26:], []byte{10, 102, 4, 4, 10, 102, 2, 10})
		tc.spoil(f)
		s.dropsOne(clientNIC, tc.reason, func() { r.send(f) })
	}
	s.dropsOne(clientNIC, "address-on-no-nic", func() { s.guests["client"].pinger().send("10.102.4.1") })
}

// The fabric isn't a router: the TTL arrives as it was sent.
func TestTTLIsUntouched(t *testing.T) {
	s := newSite(t)
	r := s.guests["primary"].raw("lan")
	conn := s.guests["client"].udp("10.102.4.4:7001")
	send(t, conn, "10.102.2.10:9", "ttl")
	f := r.next(func(f []byte) bool { return f[12] == 8 && f[13] == 0 && f[23] == 17 })
	if f[22] != 64 {
		t.Errorf("TTL is %d", f[22])
	}
}

// Security groups are stateful: replies pass, and a change of rules leaves
// existing flows alone.
func TestSecurityGroupsAreStateful(t *testing.T) {
	s := newSite(t)
	deny := []plane.NSG{{ID: "deny", Rules: []plane.Rule{{Name: "DenyAll", Priority: 65500}}}}
	groups := func(in []plane.NSG) {
		s.edit(func(p *plane.Plane) { nicOf(p, primaryLAN).Inbound = in })
	}
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	groups(deny)
	s.dropsOne(clientNIC, "nsg-inbound", func() { send(t, client, "10.102.2.10:7000", "denied") })
	silent(t, lan)
	passes(t, lan, client, "10.102.4.4:7001") // from inside
	passes(t, client, lan, "10.102.2.10:7000")

	groups(nil)
	other := s.guests["client"].udp("10.102.4.4:7002")
	passes(t, other, lan, "10.102.2.10:7000")
	groups(deny)
	passes(t, other, lan, "10.102.2.10:7000")
	third := s.guests["client"].udp("10.102.4.4:7003")
	s.dropsOne(clientNIC, "nsg-inbound", func() { send(t, third, "10.102.2.10:7000", "denied") })

	s.edit(func(p *plane.Plane) { nicOf(p, clientNIC).Outbound = deny })
	s.dropsOne(clientNIC, "nsg-outbound", func() { send(t, third, "10.102.5.5:7000", "denied") })
}

// A datagram larger than the MTU crosses in fragments.
func TestFragments(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	text := strings.Repeat("fragment", 1000)
	send(t, client, "10.102.5.5:7000", text)
	if got, _ := receive(t, server); got != text {
		t.Errorf("%d bytes arrived, not as they were", len(got))
	}
}

// VNets don't see each other, and a NIC that Azure deleted is dead.
func TestVNetsAreApart(t *testing.T) {
	s := newSite(t)
	p := s.guests["client"].pinger()
	p.rtt("10.102.2.10")
	s.edit(func(p *plane.Plane) { nicOf(p, primaryLAN).VNet = "/vnets/other" })
	s.dropsOne(clientNIC, "address-on-no-nic", func() { p.send("10.102.2.10") })
	s.edit(func(p *plane.Plane) { p.NICs = p.NICs[1:] })
	s.dropsOne(clientNIC, "nic-deleted", func() { p.send("10.102.2.10") })
}

func TestAttachErrors(t *testing.T) {
	s := newSite(t)
	g := s.guests["client"]
	for _, tc := range []struct {
		err  error
		want string
	}{
		{s.AttachNIC(g.ns, "eth1", "/nics/none"), "unknown to the fabric"},
		{s.AttachNIC(g.ns, "eth1", strings.ToUpper(clientNIC)), "already attached"},
		{s.AttachNIC(g.ns, "eth0", clientNIC), "already attached"},
		{s.AttachPublic(g.ns, "eth1", netip.MustParseAddr("::1")), "only IPv4"},
		{s.AttachPublic(g.ns, "an-interface-name-that-is-too-long", addr("203.0.113.20")), "1 to 15 bytes"},
		{s.AttachPublic(g.ns, "eth0", addr("203.0.113.20")), "eth0"},
		{s.Detach("/nics/none"), "unknown to the fabric"},
		{s.CutNIC("/nics/none", true), "unknown to the fabric"},
		{s.Loss(1.5), "probability"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("error is %v, want %q in it", tc.err, tc.want)
		}
	}
	// A detached NIC can be attached again, and works.
	if err := s.Detach(clientNIC); err != nil {
		t.Fatal(err)
	}
	s.attach("client", "eth0", clientNIC, "10.102.4.4/24", "10.102.4.1")
	g.pinger().rtt("10.102.2.10")
	s.Close()
	if err := s.AttachNIC(g.ns, "eth1", clientNIC); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("attach after Close: %v", err)
	}
}

// The lab's own losses are told apart: with room for one frame the kernel has
// to drop some of a burst.
func TestOverloadIsCounted(t *testing.T) {
	s := newSiteWith(t, 1)
	client := s.guests["client"].udp("10.102.4.4:7001")
	for i := 0; s.Stats().Overload == 0; i++ {
		if i == 1000 {
			t.Fatal("no packet of a thousand bursts was lost")
		}
		for n := range 100 {
			send(t, client, "10.102.2.10:9", fmt.Sprint(n))
		}
	}
	before := s.Stats().Overload
	if err := s.Detach(clientNIC); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats().Overload; after < before {
		t.Errorf("overload fell from %d to %d when the NIC went", before, after)
	}
}
