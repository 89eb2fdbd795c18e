package fabric_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/fabric"
)

// must is for faults of names that exist.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCutNIC(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("0.0.0.0:7000")
	passes(t, client, server, "10.102.2.10:7000")
	passes(t, client, server, "10.102.1.10:7000")

	must(t, s.CutNIC(primaryLAN, true))
	s.dropsOne(primaryLAN, "fault-cut", func() { send(t, client, "10.102.2.10:7000", "lost") })
	r := s.guests["primary"].raw("lan")
	s.dropsOne(primaryLAN, "fault-cut", func() { r.send(arp(1, 0x10, "10.102.2.10", "10.102.2.1")) })
	passes(t, client, server, "10.102.1.10:7000") // the other NIC
	must(t, s.CutNIC(primaryLAN, false))
	passes(t, client, server, "10.102.2.10:7000")

	must(t, s.CutNIC(primaryVM, true)) // all NICs
	s.dropsOne(primaryWAN, "fault-cut", func() { send(t, client, "10.102.1.10:7000", "lost") })
	silent(t, server)
	s.Heal()
	passes(t, client, server, "10.102.1.10:7000")
}

func TestCutDirection(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	passes(t, lan, client, "10.102.4.4:7001")
	must(t, s.CutDirection(primaryLAN, fabric.In, true))
	s.dropsOne(primaryLAN, "fault-cut", func() { send(t, client, "10.102.2.10:7000", "lost") })
	must(t, s.CutDirection(primaryLAN, fabric.In, false))
	must(t, s.CutDirection(clientNIC, fabric.Out, true))
	s.dropsOne(clientNIC, "fault-cut", func() { send(t, client, "10.102.2.10:7000", "lost") })
	silent(t, lan)
	passes(t, lan, client, "10.102.4.4:7001")
}

// Every way between two VMs is cut, the one over their public addresses too,
// and no other.
func TestCutPair(t *testing.T) {
	s := newSite(t)
	second := s.guests["secondary"].udp("0.0.0.0:7000")
	primary := s.guests["primary"].udp("0.0.0.0:7001")
	client := s.guests["client"].udp("10.102.4.4:7001")
	s.guests["primary"].route("lan", "10.102.2.11/32", "10.102.2.1")
	ways := map[string]string{ // to the secondary, by the primary's NIC
		"10.102.2.11:7000":        primaryLAN,
		"10.102.1.11:7000":        primaryWAN,
		secondaryPublic + ":7000": primaryWAN,
	}
	for dst := range ways {
		passes(t, primary, second, dst)
	}
	must(t, s.CutPair(secondaryVM, primaryVM, true))
	for dst, by := range ways {
		s.dropsOne(by, "fault-cut", func() { send(t, primary, dst, "lost") })
	}
	silent(t, second)
	passes(t, client, second, "10.102.2.11:7000")
	passes(t, client, primary, "10.102.2.10:7001")
	must(t, s.CutPair(primaryVM, secondaryVM, false))
	for dst := range ways {
		passes(t, primary, second, dst)
	}
}

// The keepalive's UDP is lost on the LAN NICs alone; all else passes.
func TestDropUDP(t *testing.T) {
	s := newSite(t)
	s.guests["primary"].route("lan", "10.102.2.11/32", "10.102.2.1")
	primary, second := s.guests["primary"].udp("0.0.0.0:20480"), s.guests["secondary"].udp("0.0.0.0:20480")
	other := s.guests["secondary"].udp("0.0.0.0:7000")
	client := s.guests["client"].udp("10.102.4.4:20480")
	passes(t, primary, second, "10.102.2.11:20480")
	must(t, s.DropUDP(primaryLAN, secondaryLAN, 20480, true))
	s.dropsOne(primaryLAN, "fault-udp", func() { send(t, primary, "10.102.2.11:20480", "lost") })
	s.guests["primary"].pinger().rtt("10.102.2.11")
	passes(t, primary, second, "10.102.1.11:20480") // over the other NICs
	passes(t, client, second, "10.102.2.11:20480")
	quiet := s.guests["primary"].udp("0.0.0.0:7009")
	passes(t, quiet, other, "10.102.2.11:7000")
	silent(t, second)
	must(t, s.DropUDP(primaryLAN, secondaryLAN, 20480, false))
	passes(t, primary, second, "10.102.2.11:20480")
}

// A tunnel's UDP to a public host is lost from one vSocket alone, both ways.
func TestDropUDPToAPublicHost(t *testing.T) {
	s := newSite(t)
	for _, vm := range []string{"primary", "secondary"} {
		s.guests[vm].route("wan", "0.0.0.0/0", "10.102.1.1")
	}
	primary, second := s.guests["primary"].udp("0.0.0.0:51821"), s.guests["secondary"].udp("0.0.0.0:51821")
	host, other := s.guests["internet"].udp(internetHost+":51820"), s.guests["internet"].udp(internetHost+":7000")
	passes(t, primary, host, internetHost+":51820")
	must(t, s.DropUDP(primaryWAN, internetHost, 51820, true))
	s.dropsOne(primaryWAN, "fault-udp", func() { send(t, primary, internetHost+":51820", "lost") })
	s.dropsOne(internetHost, "fault-udp", func() { send(t, host, primaryPublic+":51821", "lost") })
	passes(t, primary, other, internetHost+":7000")
	passes(t, second, host, internetHost+":51820")
	silent(t, primary)
	must(t, s.DropUDP(primaryWAN, internetHost, 51820, false))
	passes(t, primary, host, internetHost+":51820")
}

// A paused VM gets and sends nothing; 256 packets for it are kept, in order,
// and go their way when it runs again: its forwarding stood still as well.
func TestPauseAndResume(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	must(t, s.Pause(primaryVM))
	const surplus = 44
	for i := range 256 + surplus {
		send(t, client, "10.102.5.5:7000", fmt.Sprint(i))
	}
	eventually(t, "what doesn't fit is dropped", func() bool { return s.dropped(primaryLAN, "fault-paused") == surplus })
	silent(t, server)
	must(t, s.Resume(primaryVM))
	for i := range 256 {
		if text, _ := receive(t, server); text != fmt.Sprint(i) {
			t.Fatalf("packet %s came in place of %d", text, i)
		}
	}
	passes(t, client, server, "10.102.5.5:7000")
}

// What a guest sent while it was paused leaves when it is resumed.
func TestPauseHoldsWhatTheGuestSends(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	passes(t, client, server, "10.102.5.5:7000")
	must(t, s.Pause("/vms/client"))
	before := s.fromGuest(clientNIC)
	for i := range 10 {
		send(t, client, "10.102.5.5:7000", fmt.Sprint(i))
	}
	eventually(t, "the frames have reached the fabric", func() bool { return s.fromGuest(clientNIC) == before+10 })
	silent(t, server)
	must(t, s.Resume("/vms/client"))
	for i := range 10 {
		if text, _ := receive(t, server); text != fmt.Sprint(i) {
			t.Fatalf("packet %s came in place of %d", text, i)
		}
	}
}

func (s *site) fromGuest(name string) uint64 { return s.counters(name).FromGuest.Packets }

func TestLinkDown(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	carrier := func(want netlink.LinkOperState) func() bool {
		return func() (is bool) {
			s.guests["primary"].links(func(h *netlink.Handle) error {
				link, err := h.LinkByName("lan")
				is = err == nil && link.Attrs().OperState == want
				return err
			})
			return is
		}
	}
	must(t, s.LinkDown(primaryVM))
	eventually(t, "the guest sees its link down", carrier(netlink.OperDown))
	s.dropsOne(primaryLAN, "fault-link-down", func() { send(t, client, "10.102.2.10:7000", "lost") })
	silent(t, lan)
	// What the guest's kernel throws away for want of a carrier is no overload.
	r := s.guests["primary"].raw("lan")
	for range 100 {
		unix.Write(r.fd, arp(1, 0x10, "10.102.2.10", "10.102.2.1"))
	}
	must(t, s.LinkUp(primaryVM))
	eventually(t, "the guest sees its link up", func() bool { return !carrier(netlink.OperDown)() })
	passes(t, client, lan, "10.102.2.10:7000")
	passes(t, lan, client, "10.102.4.4:7001")
	if o := s.Stats().Overload; o != 0 {
		t.Errorf("%d packets count as overload", o)
	}
}

func TestDelay(t *testing.T) {
	s := newSite(t)
	p := s.guests["client"].pinger()
	p.rtt("10.102.2.10")
	const d = 40 * time.Millisecond
	must(t, s.Delay("/vms/client", primaryVM, d))
	if rtt := p.rtt("10.102.2.10"); rtt < 2*d {
		t.Errorf("round trip of %s over a way of %s each", rtt, d)
	}
	must(t, s.Delay(primaryVM, "/vms/client", 0))
	eventually(t, "the delay is gone", func() bool { return p.rtt("10.102.2.10") < d })
	if err := s.Delay(primaryVM, "/vms/client", -1); err == nil {
		t.Error("a negative delay was taken")
	}
}

// A delay of one direction leaves the other as it is.
func TestDelayWay(t *testing.T) {
	s := newSite(t)
	p := s.guests["primary"].pinger()
	s.guests["primary"].route("wan", "0.0.0.0/0", "10.102.1.1")
	p.rtt(internetHost)
	const d = 40 * time.Millisecond
	must(t, s.DelayWay(internetHost, primaryWAN, d))
	if rtt := p.rtt(internetHost); rtt < d {
		t.Errorf("round trip of %s with a way back of %s", rtt, d)
	}
	must(t, s.DelayWay(internetHost, primaryWAN, 0))
	eventually(t, "the delay is gone", func() bool { return p.rtt(internetHost) < d })
	near, far := s.guests["primary"].udp("0.0.0.0:7000"), s.guests["internet"].udp(internetHost+":7001")
	must(t, s.DelayWay(internetHost, primaryWAN, time.Hour))
	passes(t, near, far, internetHost+":7001")
	send(t, far, primaryPublic+":7000", "late")
	silent(t, near)
	if err := s.DelayWay(internetHost, primaryWAN, -1); err == nil {
		t.Error("a negative delay was taken")
	}
}

// The order stays when a delay changes while packets are under way.
func TestDelayKeepsOrder(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	sent, got := stream(t, client, lan, "10.102.2.10:7000", func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := range 20 {
			<-tick.C
			must(t, s.Delay("/vms/client", primaryVM, time.Duration(i%4)*5*time.Millisecond))
		}
		s.Heal()
	})
	if len(got) != sent || !slices.IsSorted(got) {
		t.Errorf("%d of %d packets arrived, in order: %v", len(got), sent, slices.IsSorted(got))
	}
}

func TestLoss(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	must(t, s.Loss(0.5))
	before := s.fromGuest(clientNIC)
	const n = 1000
	for range n {
		send(t, client, "10.102.2.10:7000", "half")
	}
	eventually(t, "all have been judged", func() bool { return s.fromGuest(clientNIC) >= before+n })
	// 500 ± 10 standard deviations
	if lost := s.dropped(clientNIC, "fault-loss"); lost < 340 || lost > 660 {
		t.Errorf("%d of %d packets were lost at one half", lost, n)
	}
	must(t, s.Loss(1))
	s.dropsOne(clientNIC, "fault-loss", func() { send(t, client, "10.102.2.10:7000", "lost") })
}

// Heal ends every kind of fault, also on interfaces attached meanwhile.
func TestHeal(t *testing.T) {
	s := newSite(t)
	client, server := s.guests["client"].udp("10.102.4.4:7001"), s.guests["server"].udp("10.102.5.5:7000")
	must(t, s.CutNIC(primaryLAN, true))
	must(t, s.CutPair("/vms/client", primaryVM, true))
	must(t, s.CutDirection(primaryWAN, fabric.Out, true))
	must(t, s.DropUDP(clientNIC, primaryLAN, 7000, true))
	must(t, s.Pause("/vms/server"))
	must(t, s.LinkDown(primaryVM))
	must(t, s.Delay(clientNIC, primaryLAN, time.Hour))
	must(t, s.Loss(1))
	s.Heal()
	passes(t, client, server, "10.102.5.5:7000")
}

func TestCapture(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	var file bytes.Buffer
	stop, err := s.Capture(&file, clientNIC)
	must(t, err)
	passes(t, client, lan, "10.102.2.10:7000")
	passes(t, lan, client, "10.102.4.4:7001")
	must(t, stop())
	passes(t, client, lan, "10.102.2.10:7000") // not in the file
	b := file.Bytes()
	if len(b) < 24 || binary.LittleEndian.Uint32(b) != 0xa1b2c3d4 || binary.LittleEndian.Uint32(b[20:]) != 1 {
		t.Fatalf("head of the file: % x", b[:min(len(b), 24)])
	}
	var sent, received int
	for b = b[24:]; len(b) >= 16; {
		length := int(binary.LittleEndian.Uint32(b[8:]))
		f := b[16:][:length]
		if bytes.HasSuffix(f, []byte("passes")) {
			if f[29] == 4 && f[28] == 4 { // source 10.102.4.4
				sent++
			} else {
				received++
			}
		}
		b = b[16+length:]
	}
	if sent != 1 || received != 1 || len(b) != 0 {
		t.Errorf("%d packets sent, %d received, %d bytes left over", sent, received, len(b))
	}
	if _, err := s.Capture(&file, "/nics/none"); err == nil {
		t.Error("capture of a NIC that isn't there")
	}
}
