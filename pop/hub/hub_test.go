package hub

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// A site's traffic leaves masqueraded, comes back, and so on; nobody outside begins.
func TestASiteReachesTheInternet(t *testing.T) {
	w := newWorld(t)
	lan, out := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000"), w.listen(w.inet, internet+":7000")
	sender := w.mustPass("from the site", lan, out, internet+":7000")
	if sender.Addr().String() != "203.0.113.30" {
		t.Errorf("it comes from %s, not from the uplink's address", sender)
	}
	w.mustPass("an answer", out, lan, sender.String())
	w.route(w.inet, "10.102.0.0/16", "203.0.113.30", "")
	w.mustNotPass("what nobody asked for", out, lan, siteHosts["a"]+":7000")
	if d := w.dropped(); d.Unsolicited == 0 {
		t.Errorf("it isn't counted: %+v", d)
	}
	s := w.status("a")
	p := s.VSockets[site.Primary]
	if p.Received == 0 || p.Sent == 0 || time.Since(p.Handshake) > patience || p.Endpoint.Addr() != netip.MustParseAddr("192.0.2.2") ||
		s.Downstream != site.Primary || !slices.Equal(s.Upstream, []site.Side{site.Primary}) {
		t.Errorf("status: %+v", s)
	}
}

func TestTwoSitesReachEachOtherAsTheyAre(t *testing.T) {
	w := newWorld(t)
	a, b := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000"), w.listen(w.hosts["site-b"], siteHosts["b"]+":7000")
	if sender := w.mustPass("from a to b", a, b, siteHosts["b"]+":7000"); sender.Addr().String() != siteHosts["a"] {
		t.Errorf("it comes from %s", sender)
	}
	w.mustPass("from b to a", b, a, siteHosts["a"]+":7000")
	must(0, w.hub.Upstream("b"))(t)
	w.mustNotPass("from b, which no side may send for", b, a, siteHosts["a"]+":7000")
	w.mustPass("from a to b", a, b, siteHosts["b"]+":7000")
}

// What comes by a side that isn't the site's, or from a source that isn't in its
// range, is dropped and counted.
func TestFence(t *testing.T) {
	w := newWorld(t)
	out := w.listen(w.inet, internet+":7000")
	lan := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000")
	w.mustPass("by the primary", lan, out, internet+":7000")
	w.route(w.hosts["site-a"], "default", "10.102.2.1", siteHosts["a"])
	w.mustNotPass("by the secondary", lan, out, internet+":7000")
	if d := w.dropped(); d.Fenced[site.Secondary] == 0 || d.Fenced[site.Primary] != 0 {
		t.Errorf("counted: %+v", d)
	}
	must(0, w.hub.Upstream("a", site.Secondary, site.Primary))(t)
	w.mustPass("by the secondary, which may now", lan, out, internet+":7000")

	// The inside address is its own for WireGuard, but no source in the world.
	w.route(w.inet, "100.64.0.0/10", "203.0.113.30", "")
	w.do(w.hosts["a1"], func() error {
		return netlink.RouteAdd(&netlink.Route{LinkIndex: w.wg["a1"].Index(), Scope: netlink.SCOPE_LINK, Dst: ipNet(netip.MustParsePrefix(internet + "/32"))})
	})
	inside := w.listen(w.hosts["a1"], "100.64.1.1:7000")
	w.mustNotPass("from an inside address", inside, out, internet+":7000")
	if d := w.dropped(); d.Fenced[site.Primary] == 0 {
		t.Errorf("counted: %+v", d)
	}
	w.mustNotPass("to another site's vSocket", lan, w.listen(w.hosts["b1"], "100.64.2.1:7001"), "100.64.2.1:7001")
	if d := w.dropped(); d.Misdirected == 0 {
		t.Errorf("counted: %+v", d)
	}
	// A source of another site is refused by WireGuard itself.
	w.address(w.hosts["site-b"], "lo", "10.102.9.9/32")
	w.mustNotPass("from another site's address", w.listen(w.hosts["site-b"], "10.102.9.9:7000"), out, internet+":7000")
}

// Of the PoP only the witness is reached from inside the tunnels, and from there alone.
func TestOnlyTheWitnessIsReached(t *testing.T) {
	w := newWorld(t)
	witness, other := w.listen(nil, "100.64.0.1:20481"), w.listen(nil, "0.0.0.0:20482")
	inside := w.listen(w.hosts["a2"], "100.64.1.2:7000")
	if sender := w.mustPass("to the witness, by the standby", inside, witness, "100.64.0.1:20481"); sender.String() != "100.64.1.2:7000" {
		t.Errorf("from %s", sender)
	}
	w.mustPass("the witness's answer", witness, inside, "100.64.1.2:7000")
	w.mustNotPass("to another port", inside, other, "100.64.0.1:20482")
	if d := w.dropped(); d.Refused == 0 {
		t.Errorf("counted: %+v", d)
	}
	w.route(w.inet, "100.64.0.1/32", "203.0.113.30", "")
	w.mustNotPass("to the witness, from outside", w.listen(w.inet, "203.0.113.1:7000"), witness, "100.64.0.1:20481")
}

// A failover in three steps loses nothing: no step depends on another's moment.
func TestSwitchLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.echo()
	lan := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000")
	w.mustPass("before", lan, lan, internet+":7")
	const packets = 1500
	heard := make(chan int)
	go func() {
		seen := map[uint64]bool{}
		buffer := make([]byte, 64)
		lan.SetReadDeadline(time.Now().Add(patience))
		for len(seen) < packets {
			n, err := lan.Read(buffer)
			if err != nil {
				break
			}
			if n == 8 {
				seen[binary.BigEndian.Uint64(buffer)] = true
			}
			if binary.BigEndian.Uint64(buffer) == packets-1 {
				lan.SetReadDeadline(time.Now().Add(briefly)) // the last: what isn't here shortly is lost
			}
		}
		heard <- len(seen)
	}()
	steps := map[int]func() error{
		300: func() error { return w.hub.Upstream("a", site.Primary, site.Secondary) },
		500: func() error {
			began := time.Now()
			err := w.hub.Downstream("a", site.Secondary)
			t.Log("a change of sides takes", time.Since(began))
			return err
		},
		800: func() error {
			return w.hosts["site-a"].Do(func() error { return route("default", "10.102.2.1", siteHosts["a"]) })
		},
		1200: func() error { return w.hub.Upstream("a", site.Secondary) },
	}
	var beside sync.WaitGroup // of the packets, which must not wait for a step
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for i := range packets {
		if step := steps[i]; step != nil {
			beside.Go(func() {
				if err := step(); err != nil {
					t.Error(err)
				}
			})
		}
		must(lan.WriteToUDPAddrPort(binary.BigEndian.AppendUint64(nil, uint64(i)), netip.MustParseAddrPort(internet+":7")))(t)
		<-pace.C
	}
	beside.Wait()
	if lost := packets - <-heard; lost > 2 {
		t.Errorf("%d of %d round trips are lost over a change of sides", lost, packets)
	}
	if s := w.status("a"); s.VSockets[site.Secondary].Sent < packets/4*8 || s.Downstream != site.Secondary {
		t.Errorf("status: %+v", s)
	}
}

// The survivor of a broken session begins it anew when it is told.
func TestRenew(t *testing.T) {
	w := newWorld(t)
	witness := w.listen(nil, "100.64.0.1:20481")
	inside := w.listen(w.hosts["a1"], "100.64.1.1:7000")
	w.mustPass("to the witness", inside, witness, "100.64.0.1:20481")
	before := w.status("a").VSockets[site.Primary].Handshake
	must(0, w.hub.Renew("a", site.Primary))(t)
	w.mustPass("from the witness", witness, inside, "100.64.1.1:7000")
	if after := w.status("a").VSockets[site.Primary].Handshake; !after.After(before) {
		t.Errorf("no new handshake: %s, then %s", before, after)
	}
	if err := w.hub.Renew("b", site.Secondary); !errors.Is(err, ErrNoSite) {
		t.Errorf("a vSocket that isn't there: %v", err)
	}
}

// A reload changes one site, and the other's packets don't notice.
func TestReload(t *testing.T) {
	w := newWorld(t)
	a, out := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000"), w.listen(w.inet, internet+":7000")
	b := w.listen(w.hosts["site-b"], siteHosts["b"]+":7000")
	w.mustPass("from a", a, out, internet+":7000")
	w.mustPass("from b", b, out, internet+":7000")
	must(0, w.hub.Upstream("a", site.Primary, site.Secondary))(t)
	must(0, w.hub.Downstream("a", site.Secondary))(t)
	before := w.status("a")

	must(0, w.hub.Serve(w.cfg.Sites[:1]))(t)
	w.mustNotPass("from b, which is gone", b, out, internet+":7000")
	if routes := w.routes(); slices.Contains(routes, "10.200.0.0/16") || slices.Contains(routes, "100.64.2.1/32") {
		t.Errorf("routes of a site that is gone: %v", routes)
	}
	after := w.status("a")
	if after.Downstream != site.Secondary || len(after.Upstream) != 2 || after.VSockets[site.Primary].Handshake != before.VSockets[site.Primary].Handshake {
		t.Errorf("another site's end changed %+v into %+v", before, after)
	}

	// b's range goes to a, whose secondary goes.
	grown := w.cfg.Sites[0]
	grown.Secondary, grown.Ranges = nil, append(slices.Clone(grown.Ranges), netip.MustParsePrefix("10.200.0.0/16"))
	must(0, w.hub.Serve([]config.Site{grown}))(t)
	if s := w.status("a"); s.Downstream != site.Primary || !slices.Equal(s.Upstream, []site.Side{site.Primary}) {
		t.Errorf("a without its secondary: %+v", s)
	}
	must(0, w.hub.Serve(w.cfg.Sites))(t)
	must(0, w.wg["b1"].Renew(w.hub.key.Public()))(t) // the PoP has forgotten its session
	w.mustPass("from b, which is back", b, out, internet+":7000")
	w.mustPass("from a", a, out, internet+":7000")
}

// routes are the destinations of what leads into the tunnels.
func (w *world) routes() (all []string) {
	for _, side := range Sides {
		list := must(netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{LinkIndex: w.hub.up(side).Index()}, netlink.RT_FILTER_OIF))(w.t)
		for _, r := range list {
			all = append(all, r.Dst.String())
		}
	}
	return all
}

// A wireguard-go that dies is started again, with peers and routes.
func TestADeadDeviceIsOpenedAgain(t *testing.T) {
	w := newWorld(t)
	lan, out := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000"), w.listen(w.inet, internet+":7000")
	w.mustPass("before", lan, out, internet+":7000")
	device := w.hub.up(site.Primary)
	if device.Kernel() {
		t.Skip("the kernel's device doesn't die")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.hub.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	must(0, device.Close())(t) // to the hub the same as a crash
	began := time.Now()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for d := w.hub.up(site.Primary); d == nil || d == device; d = w.hub.up(site.Primary) {
		if <-poll.C; time.Since(began) > patience {
			t.Fatal("the device stays down")
		}
	}
	// The vSocket's session is dead; its own end renews it (vsocket/tunnel).
	must(0, w.wg["a1"].Renew(w.hub.key.Public()))(t)
	sender := w.mustPass("after", lan, out, internet+":7000")
	w.mustPass("an answer", out, lan, sender.String())
	t.Log("back after", time.Since(began))
}

// A host offers segments that fit its own link; the tunnel's are smaller.
func TestSegmentsFit(t *testing.T) {
	w := newWorld(t)
	var listener net.Listener
	w.do(w.inet, func() (err error) {
		listener, err = net.Listen("tcp4", internet+":80")
		return err
	})
	defer listener.Close()
	var conn net.Conn
	w.do(w.hosts["site-a"], func() (err error) {
		conn, err = (&net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(siteHosts["a"])}}).Dial("tcp4", internet+":80")
		return err
	})
	defer conn.Close()
	server := must(listener.Accept())(t)
	defer server.Close()
	for who, end := range map[string]net.Conn{"server": server, "site's host": conn} {
		raw := must(end.(*net.TCPConn).SyscallConn())(t)
		var mss int
		var err error
		must(0, raw.Control(func(fd uintptr) { mss, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) }))(t)
		// 1420 less the headers of IP and TCP; less 12 more with time stamps in use.
		if must(mss, err)(t) > 1380 {
			t.Errorf("the %s sends segments of %d bytes", who, mss)
		}
	}
}

func BenchmarkDownstream(b *testing.B) {
	w := newWorld(b)
	for i := 0; b.Loop(); i++ {
		must(0, w.hub.Downstream("a", Sides[i%2]))(b)
	}
}

// Of some thousand sites each is found at once, and one that changes takes no time.
func TestManySites(t *testing.T) {
	w := newWorld(t)
	lan, out := w.listen(w.hosts["site-a"], siteHosts["a"]+":7000"), w.listen(w.inet, internet+":7000")
	w.mustPass("before", lan, out, internet+":7000")
	const many = 1000
	sites := slices.Clone(w.cfg.Sites)
	for i := range many {
		at := func(last byte) *config.VSocket {
			return &config.VSocket{PublicKey: tunnel.GenerateKey().Public(), Address: netip.AddrFrom4([4]byte{100, 65 + byte(i>>8), byte(i), last})}
		}
		sites = append(sites, config.Site{Name: fmt.Sprint("s", i), ID: uint32(100 + i), Primary: at(1), Secondary: at(2),
			Ranges: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 64 + byte(i>>8), byte(i), 0}), 24)}})
	}
	measure := func(what string, do func() error) time.Duration {
		began := time.Now()
		must(0, do())(t)
		took := time.Since(began)
		t.Log(what, took)
		return took
	}
	measure("all served after", func() error { return w.hub.Serve(sites) })
	change := slices.Clone(sites)
	change[500].Ranges = []netip.Prefix{netip.MustParsePrefix("10.128.0.0/24")}
	measure("one changed after", func() error { return w.hub.Serve(change) })
	measure("status after", func() error { _, _, err := w.hub.Status(); return err })
	if took := measure("a change of sides after", func() error { return w.hub.Downstream("s700", site.Secondary) }); took > time.Second {
		t.Error("that is too long")
	}
	measure("upstream by both after", func() error { return w.hub.Upstream("s700", site.Primary, site.Secondary) })
	w.mustPass("after", lan, out, internet+":7000")
	if n := len(w.routes()); n != 3*many+5 {
		t.Errorf("%d routes, not %d", n, 3*many+5)
	}
}
