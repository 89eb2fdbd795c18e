package gate

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"releve.dev/releve/house/private"
)

// The tests run in namespaces of their own.
func TestMain(m *testing.M) { private.Main(m) }

// site is a vSocket in the test's own namespace between a LAN and a WAN host.
type site struct {
	t        *testing.T
	lan, wan netns.NsHandle
	in, out  *net.UDPConn // the LAN host's socket, the WAN host's
	offset   time.Duration
	g        *Gate
	sent     byte // number of the last packet
}

func newSite(t *testing.T, nat bool) *site { return openSite(t, Config{NAT: nat}) }

func openSite(t *testing.T, cfg Config) *site {
	runtime.LockOSThread()
	s := &site{t: t}
	here := must(netns.Get())(t)
	s.lan = s.host(here, "lan", "10.102.2.10/24", "10.102.2.50/24")
	s.wan = s.host(here, "wan", "10.102.1.10/24", "10.102.1.50/24")
	s.in = s.listen(here, s.lan, "10.102.2.50:7000")
	s.out = s.listen(here, s.wan, "10.102.1.50:7000")
	cfg.WAN, cfg.LAN, cfg.Clock = "wan", "lan", s.clock
	s.g = must(Open(cfg))(t)
	t.Cleanup(func() {
		for _, link := range []string{"lan", "wan"} {
			if l, err := netlink.LinkByName(link); err == nil {
				_ = netlink.LinkDel(l)
			}
		}
		_, _, _ = s.in.Close(), s.out.Close(), s.g.Close()
	})
	return s
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (s *site) clock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		s.t.Fatal(err)
	}
	return time.Duration(ts.Nano()) + s.offset
}

// host makes a namespace with a host that is linked to ours by a veth pair.
func (s *site) host(here netns.NsHandle, name, own, its string) netns.NsHandle {
	there := must(netns.New())(s.t)
	must(0, netns.Set(here))(s.t)
	must(0, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsFd(there)}))(s.t)
	link := must(netlink.LinkByName(name))(s.t)
	must(0, netlink.AddrAdd(link, must(netlink.ParseAddr(own))(s.t)))(s.t)
	must(0, netlink.LinkSetUp(link))(s.t)
	handle := must(netlink.NewHandleAt(there))(s.t)
	peer := must(handle.LinkByName("eth0"))(s.t)
	must(0, handle.AddrAdd(peer, must(netlink.ParseAddr(its))(s.t)))(s.t)
	must(0, handle.LinkSetUp(peer))(s.t)
	gateway := netip.MustParsePrefix(own).Addr().AsSlice()
	must(0, handle.RouteAdd(&netlink.Route{LinkIndex: peer.Attrs().Index, Gw: gateway}))(s.t)
	return there
}

func (s *site) listen(here, there netns.NsHandle, addr string) *net.UDPConn {
	must(0, netns.Set(there))(s.t)
	conn := must(net.ListenPacket("udp4", addr))(s.t)
	must(0, netns.Set(here))(s.t)
	return conn.(*net.UDPConn)
}

// How long a packet is waited for. One that comes ends the wait, so that only a
// packet that is dropped costs it; on a starved machine a short wait takes an open
// gate for a closed one, never the reverse.
const (
	shortly  = 50 * time.Millisecond
	patience = 5 * time.Second
)

// passes sends from one host to the other and says whether it came within wait,
// and from where.
func (s *site) passes(from, to *net.UDPConn, target string, wait time.Duration) (string, bool) {
	s.t.Helper()
	s.sent++
	must(from.WriteToUDPAddrPort([]byte{s.sent}, netip.MustParseAddrPort(target)))(s.t)
	must(0, to.SetReadDeadline(time.Now().Add(wait)))(s.t)
	for got := make([]byte, 1); ; {
		_, sender, err := to.ReadFromUDPAddrPort(got)
		if err != nil || got[0] == s.sent { // not a late one
			return sender.String(), err == nil
		}
	}
}

// expect fails unless a packet passes just if it is wanted.
func (s *site) expect(want bool, what string, from, to *net.UDPConn, target string) (sender string) {
	s.t.Helper()
	wait := shortly
	if want {
		wait = patience
	}
	sender, got := s.passes(from, to, target, wait)
	if got != want {
		s.t.Fatalf("%s: passes: %v", what, got)
	}
	return sender
}

const (
	lanHost = "10.102.2.50:7000"
	wanHost = "10.102.1.50:7000"
)

func (s *site) wantUp(want bool, when string) (sender string) {
	s.t.Helper()
	return s.expect(want, "LAN to WAN, "+when, s.in, s.out, wanHost)
}

func (s *site) wantBack(want bool, when string) {
	s.t.Helper()
	s.expect(want, "WAN to LAN, "+when, s.out, s.in, lanHost)
}

// R9: closed at first, open until the deadline, closed by itself after it: no
// packet passes that was sent more than the bound after it.
func TestServeEndsByItselfR9(t *testing.T) {
	const bound = 30 * time.Millisecond // two jiffies at 100 Hz, and some
	s := newSite(t, false)
	s.wantUp(false, "at first")
	until := s.clock() + 2*time.Second
	must(0, s.g.Serve(until))(t)
	s.wantUp(true, "opened")
	for sent, passes := s.clock(), true; sent < until || passes; _, passes = s.passes(s.in, s.out, wanHost, shortly) {
		if passes && sent > until+bound {
			t.Fatalf("a packet passed that was sent %v after the deadline", sent-until)
		}
		sent = s.clock()
	}
	s.wantUp(false, "after the deadline")
	must(0, s.g.Serve(s.clock()+50*time.Millisecond))(t)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	if left := must(s.g.conn.GetSetElements(s.g.serve.set))(t)[0].Expires; left < 30*time.Second {
		t.Errorf("%v left after a renewal", left)
	}
	s.wantUp(true, "renewed")
	must(0, s.g.Serve(0))(t)
	s.wantUp(false, "closed")
}

// A deadline that passed while the agent stood still opens nothing.
func TestLateCallOpensNothing(t *testing.T) {
	s := newSite(t, false)
	now := s.clock()
	reads := 0
	s.g.cfg.Clock = func() time.Duration { // two seconds pass within the call
		reads++
		if reads == 1 {
			return now
		}
		return now + 2*time.Second
	}
	must(0, s.g.Serve(now+time.Second))(t)
	s.wantUp(false, "after a stall")
}

// Drain is a gate of its own, and so is the way down.
func TestDrainAndDown(t *testing.T) {
	s := newSite(t, false)
	must(0, s.g.Drain(s.clock()+time.Minute))(t)
	s.wantUp(true, "draining")
	must(0, s.g.Serve(0))(t)
	s.wantUp(true, "serve closed, draining")
	s.wantBack(false, "from the start")
	must(0, s.g.Down(true))(t)
	s.wantBack(true, "opened")
	must(0, s.g.Down(false))(t)
	s.wantBack(false, "closed")
}

// R0: opening the table anew closes what a former self left open.
func TestOpenClosesWhatWasLeftR0(t *testing.T) {
	s := newSite(t, false)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	s.wantUp(true, "opened")
	again := must(Open(s.g.cfg))(t)
	defer again.Close()
	s.wantUp(false, "after a restart")
}

// egress: nat: out behind the WAN address; back only what was begun inside; an
// established flow stops when the gate closes.
func TestNAT(t *testing.T) {
	s := newSite(t, true)
	must(0, s.g.Down(true))(t)
	s.wantBack(false, "begun from outside")
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	from := s.wantUp(true, "opened")
	if netip.MustParseAddrPort(from).Addr() != netip.MustParseAddr("10.102.1.10") {
		t.Fatalf("came from %s", from)
	}
	s.expect(true, "the answer", s.out, s.in, from)
	must(0, s.g.Down(false))(t)
	s.expect(false, "an answer while down is closed", s.out, s.in, from)
	must(0, s.g.Serve(0))(t)
	s.wantUp(false, "closed, with the flow established")
}

// elements is how many openings the kernel has in a set.
func (s *site) elements(o *opening) int {
	s.t.Helper()
	return len(must(s.g.conn.GetSetElements(o.set))(s.t))
}

// Less than a jiffy may be rounded to a time-out that never ends: such a rest is
// given up, and what was open before it is closed.
func TestShortRestIsGivenUp(t *testing.T) {
	s := newSite(t, false)
	for _, rest := range []time.Duration{time.Nanosecond, time.Millisecond, shortest - time.Nanosecond} {
		must(0, s.g.Serve(s.clock()+time.Minute))(t)
		now := s.clock()
		s.g.cfg.Clock = func() time.Duration { return now }
		must(0, s.g.Serve(now+rest))(t)
		s.g.cfg.Clock = s.clock
		if n := s.elements(&s.g.serve); n != 0 {
			t.Errorf("%v: %d elements", rest, n)
		}
	}
}

// A call that took long is made again, so that its time-out doesn't end late.
func TestSlowCallIsMadeAgain(t *testing.T) {
	s := newSite(t, false)
	now := s.clock()
	reads := 0
	s.g.cfg.Clock = func() time.Duration { // the first call takes 30 s
		reads++
		if reads == 1 {
			return now
		}
		return now + 30*time.Second
	}
	must(0, s.g.Serve(now+time.Minute))(t)
	got := must(s.g.conn.GetSetElements(s.g.serve.set))(t)
	if len(got) != 1 || got[0].Timeout != 30*time.Second {
		t.Fatalf("%+v, want one element of 30s", got)
	}
}

// The same deadline again costs no call; a shorter one always takes effect.
func TestOnlyWorthwhileCallsAreMade(t *testing.T) {
	s := newSite(t, false)
	now := s.clock()
	s.g.cfg.Clock = func() time.Duration { return now }
	for _, c := range []struct {
		until time.Duration
		want  time.Duration // the time-out in the kernel
	}{
		{now + time.Minute, time.Minute},
		{now + time.Minute + worthwhile/2, time.Minute},
		{now + time.Minute + 20*time.Millisecond, time.Minute + 20*time.Millisecond},
		{now + time.Minute, time.Minute},
		{now + time.Second, time.Second},
	} {
		must(0, s.g.Serve(c.until))(t)
		got := must(s.g.conn.GetSetElements(s.g.serve.set))(t)
		if len(got) != 1 || got[0].Timeout != c.want {
			t.Fatalf("until +%v: %+v, want %v", c.until-now, got, c.want)
		}
	}
}

// A close that the kernel refused isn't taken for done.
func TestRefusedCloseIsTriedAgain(t *testing.T) {
	s := newSite(t, false)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	name := s.g.serve.set.Name
	s.g.serve.set.Name = "nosuch"
	if s.g.Serve(0) == nil {
		t.Fatal("no error from a set that isn't there")
	}
	s.g.serve.set.Name = name
	must(0, s.g.Serve(0))(t)
	s.wantUp(false, "closed at the second attempt")
}

// Management is no way through, whatever is open.
func TestManagementIsNotForwarded(t *testing.T) {
	s := newSite(t, false)
	here := must(netns.Get())(t)
	mgmt := s.host(here, "mgmt", "10.102.3.10/24", "10.102.3.50/24")
	defer func() { must(0, netlink.LinkDel(must(netlink.LinkByName("mgmt"))(t)))(t) }()
	host := s.listen(here, mgmt, "10.102.3.50:7000")
	defer host.Close()
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	must(0, s.g.Drain(s.clock()+time.Minute))(t)
	must(0, s.g.Down(true))(t)
	s.wantUp(true, "all open")
	for name, c := range map[string]struct {
		from, to *net.UDPConn
		target   string
	}{
		"lan to mgmt": {s.in, host, "10.102.3.50:7000"},
		"wan to mgmt": {s.out, host, "10.102.3.50:7000"},
		"mgmt to lan": {host, s.in, "10.102.2.50:7000"},
		"mgmt to wan": {host, s.out, "10.102.1.50:7000"},
	} {
		s.expect(false, name, c.from, c.to, c.target)
	}
}

// R9: a stopped vSocket forwards nothing, and its gate says so without it.
func TestCloseForwardsNothingR9(t *testing.T) {
	s := newSite(t, false)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	must(0, s.g.Down(true))(t)
	s.wantUp(true, "opened")
	must(0, s.g.Close())(t)
	s.wantUp(false, "after Close")
	s.wantBack(false, "after Close")
}

// Bad input: what is wrong, and the way out.
func TestOpenSaysWhatToDo(t *testing.T) {
	_, err := Open(Config{WAN: "nosuch0", LAN: "lo", Clock: func() time.Duration { return 1 }})
	if err == nil || !strings.Contains(err.Error(), "nosuch0") || !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("%v", err)
	}
}
