package tunnel

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/room/roomtest"
	wg "releve.dev/releve/tunnel"
)

// TestMain is also the program that a device's process runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "device" {
		if err := wg.Serve(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	roomtest.Main(m)
}

var self = []string{"/proc/self/exe", "device"}

// delay is how long is waited for what must come.
const delay = 15 * time.Second

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// world is a vSocket in the room's own namespace, between a LAN host and two PoPs:
//
//	vm 10.102.2.50 --- lan 10.102.2.10 [vSocket] wan0 10.102.1.10 --- 10.102.1.30 pop0
//	                                             wan1 10.103.1.10 --- 10.103.1.30 pop1
//
// Its main table has a default route to nowhere: what goes that way is lost.
type world struct {
	t    *testing.T
	key  wg.Key
	vm   *net.UDPConn
	pops [2]*pop
	own  *Tunnel

	mu    sync.Mutex
	notes []string
}

// pop is a PoP, and the Internet behind it.
type pop struct {
	host    *room.Host
	name    string
	outer   netip.Addr
	key     wg.Key
	device  *wg.Device
	web     *net.UDPConn // a host of the Internet
	witness *net.UDPConn
}

const (
	webAddr     = "198.51.100.1:7000"
	witnessAddr = "100.64.0.1:20481"
	inner       = "100.64.1.1"
)

func newWorld(t *testing.T) *world {
	roomtest.Need(t)
	w := &world{t: t, key: wg.GenerateKey()}
	must(0, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0))(t)
	lan := w.cable("vm", "lan", "10.102.2.10/24", "10.102.2.50/24")
	w.vm = w.listen(lan, "10.102.2.50:7000")
	for i, outer := range []string{"10.102.1.", "10.103.1."} {
		p := &pop{name: fmt.Sprint("pop", i), outer: netip.MustParseAddr(outer + "30"), key: wg.GenerateKey()}
		w.pops[i] = p
		p.host = w.cable(p.name, fmt.Sprint("wan", i), outer+"10/24", outer+"30/24")
		must(0, p.host.Do(func() error { return addresses(t, "lo", "198.51.100.1/32", "100.64.0.1/32") }))(t)
		p.web, p.witness = w.listen(p.host, webAddr), w.listen(p.host, witnessAddr)
		w.serve(p)
		t.Cleanup(func() { p.device.Close() })
	}
	nowhere := &netlink.Route{LinkIndex: must(netlink.LinkByName("wan0"))(t).Attrs().Index, Gw: net.ParseIP("10.102.1.99")}
	must(0, netlink.RouteReplace(nowhere))(t)
	return w
}

// cable makes a host that is linked to the vSocket.
func (w *world) cable(name, iface, own, its string) *room.Host {
	w.t.Helper()
	host := must(room.NewHost(name))(w.t)
	must(0, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: iface}, PeerName: "eth0", PeerNamespace: netlink.NsFd(host.NS)}))(w.t)
	w.t.Cleanup(func() {
		if link, err := netlink.LinkByName(iface); err == nil {
			must(0, netlink.LinkDel(link))(w.t)
		}
		host.Close()
	})
	must(0, addresses(w.t, iface, own))(w.t)
	must(0, host.Do(func() error {
		if err := addresses(w.t, "eth0", its); err != nil {
			return err
		}
		gateway := netip.MustParsePrefix(own).Addr().AsSlice()
		return netlink.RouteAdd(&netlink.Route{Gw: gateway, Dst: must(netlink.ParseIPNet("0.0.0.0/0"))(w.t)})
	}))(w.t)
	return host
}

func addresses(t *testing.T, iface string, all ...string) error {
	link, err := netlink.LinkByName(iface)
	for _, addr := range all {
		if err == nil {
			err = netlink.AddrAdd(link, &netlink.Addr{IPNet: must(netlink.ParseIPNet(addr))(t)})
		}
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	return err
}

func (w *world) listen(host *room.Host, addr string) *net.UDPConn {
	w.t.Helper()
	conn := must(host.ListenUDP(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))))(w.t)
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// serve opens a PoP's device, maybe not for the first time.
func (w *world) serve(p *pop) {
	w.t.Helper()
	lan, vsocket := netip.MustParsePrefix("10.102.2.0/24"), netip.MustParsePrefix(inner+"/32")
	must(0, p.host.Do(func() (err error) {
		if p.device, err = wg.Open(wg.Config{Name: p.name, PrivateKey: p.key, ListenPort: 51820, Program: self}); err != nil {
			return err
		}
		for _, prefix := range []netip.Prefix{lan, vsocket} {
			route := &netlink.Route{LinkIndex: p.device.Index(), Dst: must(netlink.ParseIPNet(prefix.String()))(w.t)}
			if err := netlink.RouteReplace(route); err != nil {
				return err
			}
		}
		return nil
	}))(w.t)
	must(0, p.device.Set([]wg.Peer{{PublicKey: w.key.Public(), Allowed: []netip.Prefix{lan, vsocket}}}))(w.t)
}

func (w *world) config() Config {
	cfg := Config{Device: "rlv-tun", PrivateKey: w.key, Address: netip.MustParseAddr(inner), LAN: "lan", Program: self, Clock: clock, Note: w.note}
	for _, p := range w.pops {
		cfg.PoPs = append(cfg.PoPs, PoP{Name: p.name, Endpoint: netip.AddrPortFrom(p.outer, 51820),
			PublicKey: p.key.Public(), Witness: netip.MustParseAddrPort(witnessAddr).Addr()})
	}
	return cfg
}

func (w *world) open() {
	w.t.Helper()
	w.own = must(Open(w.config()))(w.t)
	w.t.Cleanup(func() { must(0, w.own.Close())(w.t) })
}

func clock() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}

func (w *world) note(what, detail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, strings.TrimSuffix(what+": "+detail, ": "))
}

// passes sends from one socket until the other has it, and says from whom it came.
func (w *world) passes(from, to *net.UDPConn, target string, within time.Duration) (netip.AddrPort, bool) {
	w.t.Helper()
	token := fmt.Sprint(time.Now().UnixNano())
	buf := make([]byte, 64)
	for begun := time.Now(); time.Since(begun) < within; {
		_, _ = from.WriteToUDPAddrPort([]byte(token), netip.MustParseAddrPort(target)) // there may be no way yet
		must(0, to.SetReadDeadline(time.Now().Add(20*time.Millisecond)))(w.t)
		for {
			n, sender, err := to.ReadFromUDPAddrPort(buf)
			if err != nil {
				break
			}
			if string(buf[:n]) == token {
				return sender, true
			}
		}
	}
	return netip.AddrPort{}, false
}

// wantTraffic fails unless a host of the LAN reaches one of the Internet behind
// that PoP, as itself, and is reached by it.
func (w *world) wantTraffic(p *pop, when string) {
	w.t.Helper()
	sender, ok := w.passes(w.vm, p.web, webAddr, delay)
	if !ok || sender.String() != "10.102.2.50:7000" {
		w.t.Fatalf("LAN to Internet, %s: arrived: %v, from %v; status %+v", when, ok, sender, w.own.Status())
	}
	if _, ok := w.passes(p.web, w.vm, sender.String(), delay); !ok {
		w.t.Fatalf("Internet to LAN, %s: nothing arrives", when)
	}
}

// wantSoon waits for a condition.
func (w *world) wantSoon(what string, ok func() bool) {
	w.t.Helper()
	for begun := time.Now(); !ok(); <-time.After(10 * time.Millisecond) {
		if time.Since(begun) > delay {
			w.t.Fatalf("%s: not within %s; status %+v, notes %q", what, delay, w.own.Status(), w.notes)
		}
	}
}

// rules are the rules that lead to our table, as a person reads them.
func rules(t *testing.T) (all []string) {
	t.Helper()
	for _, rule := range must(netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Table: table}, netlink.RT_FILTER_TABLE))(t) {
		all = append(all, fmt.Sprintf("%d: iif %s", rule.Priority, rule.IifName))
	}
	return all
}

func routes(t *testing.T) []netlink.Route {
	t.Helper()
	return must(netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: table}, netlink.RT_FILTER_TABLE))(t)
}

// What comes in by the LAN leaves by the tunnel, and the answer comes back; this
// host's own talk with the witness goes there too, from its inside address.
func TestCarriesTheLANsTraffic(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wantTraffic(w.pops[0], "at first")
	here := must(net.ListenUDP("udp4", nil))(t)
	defer here.Close()
	sender, ok := w.passes(here, w.pops[0].witness, witnessAddr, delay)
	if !ok || sender.Addr().String() != inner {
		t.Fatalf("the witness hears: %v, from %v", ok, sender)
	}
	if _, ok := w.passes(w.pops[0].witness, here, sender.String(), delay); !ok {
		t.Fatal("the witness isn't heard")
	}
	w.wantSoon("status", func() bool {
		s := w.own.Status()
		return s.Up && s.Received > 0 && s.Sent > 0 && *s.Handshake < delay.Seconds() && s.PoP == "pop0" && s.Problem == ""
	})
	if len(w.notes) != 0 {
		t.Errorf("notes %q", w.notes)
	}
}

// A killed agent's leftovers are cleared away or put right, and Close leaves none.
func TestLeftovers(t *testing.T) {
	w := newWorld(t)
	must(0, netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: "rlv-tun"}, Mode: netlink.TUNTAP_MODE_TUN}))(t)
	for _, iface := range []string{"lan", "lan", "wan0"} { // twice with another preference, once with another LAN
		rule := netlink.NewRule()
		rule.IifName, rule.Table, rule.Priority = iface, table, preference+len(rules(t))
		must(0, netlink.RuleAdd(rule))(t)
	}
	wan := must(netlink.LinkByName("wan0"))(t).Attrs().Index
	for _, dst := range []string{"0.0.0.0/0", "198.51.100.0/24"} {
		must(0, netlink.RouteAdd(&netlink.Route{LinkIndex: wan, Table: table, Dst: must(netlink.ParseIPNet(dst))(t)}))(t)
	}
	w.open()
	if got := rules(t); !slices.Equal(got, []string{fmt.Sprintf("%d: iif lan", preference)}) {
		t.Errorf("rules %q", got)
	}
	if got := routes(t); len(got) != 1 || got[0].LinkIndex == wan {
		t.Errorf("routes %v", got)
	}
	w.wantTraffic(w.pops[0], "after leftovers")
	must(0, w.own.Close())(t)
	w.t.Cleanup(func() { w.own = must(Open(w.config()))(t) }) // for the other Cleanup
	if _, err := netlink.LinkByName("rlv-tun"); err == nil || len(rules(t)) != 0 || len(routes(t)) != 0 {
		t.Errorf("after Close: device: %v, rules %q, routes %v", err, rules(t), routes(t))
	}
}

// A device that dies comes back by itself, with all that belongs to it, and the
// timeline says so; what somebody takes away comes back too.
func TestComesBack(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wantTraffic(w.pops[0], "at first")
	must(0, netlink.LinkDel(must(netlink.LinkByName("rlv-tun"))(t)))(t)
	w.wantSoon("notes", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.notes) == 2 && strings.HasPrefix(w.notes[0], "tunnel lost: ") && w.notes[1] == "tunnel open again"
	})
	w.wantTraffic(w.pops[0], "after the device's death")
	for _, rule := range must(netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Table: table}, netlink.RT_FILTER_TABLE))(t) {
		must(0, netlink.RuleDel(&rule))(t)
	}
	for _, route := range routes(t) {
		must(0, netlink.RouteDel(&route))(t)
	}
	w.wantSoon("rule and route", func() bool { return len(rules(t)) == 1 && len(routes(t)) == 1 })
	w.wantTraffic(w.pops[0], "after somebody's tidying up")
}

// A device that can't be made anew at once is tried again, and status says why.
func TestKeepsTrying(t *testing.T) {
	w := newWorld(t)
	program := must(room.Program())(t)
	cfg := w.config()
	cfg.Program = []string{"/bin/sh", "-c", `test -e /run/broken && exit 1; exec "$0" "$@"`, program, "device"}
	w.own = must(Open(cfg))(t)
	t.Cleanup(func() { must(0, w.own.Close())(t) })
	w.wantTraffic(w.pops[0], "at first")
	if w.pops[0].device.Kernel() {
		t.Skip("the kernel's device needs no program")
	}
	must(0, os.WriteFile("/run/broken", nil, 0o600))(t)
	must(0, netlink.LinkDel(must(netlink.LinkByName("rlv-tun"))(t)))(t)
	w.wantSoon("problem", func() bool { s := w.own.Status(); return !s.Up && s.Problem != "" })
	must(0, os.Remove("/run/broken"))(t)
	w.wantTraffic(w.pops[0], "mended")
	w.wantSoon("no problem", func() bool { s := w.own.Status(); return s.Up && s.Problem == "" })
}

// To look after the routes each second must not tell every routing daemon of the
// host that they have changed.
func TestLooksInSilence(t *testing.T) {
	w := newWorld(t)
	w.open()
	changes, done := make(chan netlink.RouteUpdate, 100), make(chan struct{})
	defer close(done)
	must(0, netlink.RouteSubscribe(changes, done))(t)
	must(0, w.own.settle(w.own.cfg.PoPs[0].Witness))(t)
	mark := &netlink.Route{LinkIndex: must(netlink.LinkByName("lan"))(t).Attrs().Index, Dst: must(netlink.ParseIPNet("192.0.2.0/24"))(t)}
	must(0, netlink.RouteAdd(mark))(t)
	for change := range changes {
		if change.Dst != nil && change.Dst.String() == mark.Dst.String() {
			return
		}
		t.Errorf("told: %v", change)
	}
}

// A PoP that was restarted knows nothing of our session. Three missed answers
// renew it.
func TestRenewsAfterThePoPsRestart(t *testing.T) {
	w := newWorld(t)
	w.open()
	p := w.pops[0]
	w.wantTraffic(p, "at first")
	must(0, p.device.Close())(t)
	w.serve(p)
	if _, ok := w.passes(w.vm, p.web, webAddr, 300*time.Millisecond); ok {
		t.Fatal("passes without being renewed: this test shows nothing")
	}
	w.own.Missed()
	w.own.Missed()
	if _, ok := w.passes(w.vm, p.web, webAddr, 300*time.Millisecond); ok {
		t.Error("two misses renew")
	}
	w.own.Missed()
	begun := time.Now()
	w.wantTraffic(p, "renewed")
	t.Log("traffic both ways", time.Since(begun), "after the third miss")
	if took := time.Since(begun); took > 4*time.Second { // WireGuard's own timers take 15 s
		t.Errorf("renewed only after %s", took)
	}
}

// Another PoP of the list.
func TestUse(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.wantTraffic(w.pops[0], "at first")
	w.own.Use(1)
	w.wantTraffic(w.pops[1], "over the second PoP")
	if s := w.own.Status(); s.PoP != "pop1" || w.own.Current() != 1 {
		t.Errorf("status %+v", s)
	}
	must(0, netlink.LinkDel(must(netlink.LinkByName("rlv-tun"))(t)))(t)
	w.wantTraffic(w.pops[1], "after the device's death")
	w.own.Use(0)
	w.wantTraffic(w.pops[0], "back at the first")
}
