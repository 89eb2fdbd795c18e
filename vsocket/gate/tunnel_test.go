package gate

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// tunnelSite is a site with egress tunnel. A veth pair stands in for the tunnel:
// to the gate a device is a name.
type tunnelSite struct {
	*site
	here, far netns.NsHandle
	end       *net.UDPConn // beyond the tunnel
}

const farHost = "100.64.0.1:7000"

func newTunnelSite(t *testing.T) *tunnelSite {
	s := &tunnelSite{site: openSite(t, Config{Tunnel: "rlv-tun"})}
	s.here = must(netns.Get())(t)
	s.raise()
	t.Cleanup(s.fell)
	return s
}

// raise makes the device, after the gate and maybe not for the first time.
func (s *tunnelSite) raise() {
	s.t.Helper()
	s.far = s.host(s.here, "rlv-tun", "100.64.0.2/24", "100.64.0.1/24")
	s.end = s.listen(s.here, s.far, farHost)
}

func (s *tunnelSite) fell() {
	s.end.Close()
	must(0, netlink.LinkDel(must(netlink.LinkByName("rlv-tun"))(s.t)))(s.t)
}

// R9 with a tunnel: out by serve or drain, in by down, and no other way.
func TestTunnelR9(t *testing.T) {
	s := newTunnelSite(t)
	ways := func(up, back bool, when string) {
		t.Helper()
		s.expect(up, "LAN to tunnel, "+when, s.in, s.end, farHost)
		s.expect(back, "tunnel to LAN, "+when, s.end, s.in, lanHost)
	}
	ways(false, false, "at first")
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	ways(true, false, "serving")
	must(0, s.g.Drain(s.clock()+time.Minute))(t)
	must(0, s.g.Serve(0))(t)
	ways(true, false, "draining")
	must(0, s.g.Drain(0))(t)
	must(0, s.g.Down(true))(t)
	ways(false, true, "down open")
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	must(0, s.g.Drain(s.clock()+time.Minute))(t)
	ways(true, true, "all open")
	s.wantUp(false, "all open, but for the tunnel")
	s.wantBack(false, "all open, but for the tunnel")
	s.expect(false, "WAN to tunnel", s.out, s.end, farHost)
	s.expect(false, "tunnel to WAN", s.end, s.out, wanHost)
	until := s.clock() + 100*time.Millisecond
	must(0, s.g.Serve(until))(t)
	must(0, s.g.Drain(0))(t)
	for passes := true; passes; _, passes = s.passes(s.in, s.end, farHost, shortly) {
		if s.clock() > until+patience {
			t.Fatal("serve didn't end by itself")
		}
	}
}

// A tunnel's device dies with its process and comes back as another interface;
// what was open stays open for it, and what was closed closed.
func TestTunnelMadeAnew(t *testing.T) {
	s := newTunnelSite(t)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	s.expect(true, "at first", s.in, s.end, farHost)
	s.fell()
	s.wantUp(false, "without the device")
	s.raise()
	s.expect(true, "made anew", s.in, s.end, farHost)
	s.expect(false, "down, closed all along", s.end, s.in, lanHost)
}

// TCP's ends learn what fits into the tunnel from each other, whoever begins.
func TestTunnelClampsSegments(t *testing.T) {
	s := newTunnelSite(t)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	must(0, s.g.Down(true))(t)
	const timestamps = 12 // the option that Linux puts into each segment
	for name, c := range map[string]struct {
		from, to netns.NsHandle
		at       string
	}{
		"up":   {s.lan, s.far, "100.64.0.1:7001"},
		"down": {s.far, s.lan, "10.102.2.50:7001"},
	} {
		listener := in(s, c.to, func() (net.Listener, error) { return net.Listen("tcp4", c.at) })
		client := in(s, c.from, func() (net.Conn, error) { return net.DialTimeout("tcp4", c.at, patience) })
		server := must(listener.Accept())(t)
		for end, conn := range map[string]net.Conn{"client": client, "server": server} {
			if got := maxSegment(t, conn); got != segment-timestamps {
				t.Errorf("%s: the %s sends segments of %d, want %d", name, end, got, segment-timestamps)
			}
			conn.Close()
		}
		listener.Close()
	}
}

// in runs fn in a host.
func in[T any](s *tunnelSite, host netns.NsHandle, fn func() (T, error)) T {
	s.t.Helper()
	must(0, netns.Set(host))(s.t)
	value, err := fn()
	must(0, netns.Set(s.here))(s.t)
	return must(value, err)(s.t)
}

func maxSegment(t *testing.T, conn net.Conn) (size int) {
	t.Helper()
	raw := must(conn.(*net.TCPConn).SyscallConn())(t)
	must(0, raw.Control(func(fd uintptr) { size = must(unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG))(t) }))(t)
	return size
}

// Beside a table that turns connection tracking on (a host's firewall), what
// passes to or from the tunnel leaves no state behind: docs/decisions/0006.
func TestTunnelKeepsNoState(t *testing.T) {
	s := newTunnelSite(t)
	firewall(t)
	must(0, s.g.Serve(s.clock()+time.Minute))(t)
	must(0, s.g.Down(true))(t)
	s.expect(true, "up", s.in, s.end, farHost)
	s.expect(true, "down", s.end, s.in, lanHost)
	if flows := tracked(t); len(flows) != 0 {
		t.Errorf("tracked: %v", flows)
	}
	own := s.listen(s.here, s.here, "10.102.2.10:7000")
	defer own.Close()
	s.expect(true, "to the vSocket itself", s.in, own, "10.102.2.10:7000")
	if flows := tracked(t); len(flows) != 1 {
		t.Errorf("what is for the vSocket itself belongs to the firewall, which has tracked %v", flows)
	}
}

// firewall is somebody's table that looks at connections.
func firewall(t *testing.T) {
	t.Helper()
	conn := must(nftables.New())(t)
	table := conn.AddTable(&nftables.Table{Name: "firewall", Family: nftables.TableFamilyIPv4})
	for _, hook := range []*nftables.ChainHook{nftables.ChainHookForward, nftables.ChainHookInput} {
		chain := conn.AddChain(&nftables.Chain{Name: "hook" + string('0'+byte(*hook)), Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: hook, Priority: nftables.ChainPriorityFilter})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(established(), &expr.Verdict{Kind: expr.VerdictAccept})})
	}
	must(0, conn.Flush())(t)
	t.Cleanup(func() {
		conn.DelTable(table)
		must(0, conn.Flush())(t)
		must(0, netlink.ConntrackTableFlush(netlink.ConntrackTable))(t)
	})
}

// tracked are the flows of the tests' port.
func tracked(t *testing.T) (flows []string) {
	t.Helper()
	for _, flow := range must(netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET))(t) {
		if flow.Forward.DstPort == netip.MustParseAddrPort(lanHost).Port() {
			flows = append(flows, flow.String())
		}
	}
	return flows
}
