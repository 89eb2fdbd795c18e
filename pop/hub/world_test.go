package hub

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/egress"
	"releve.dev/releve/tunnel"
)

// The world of these tests:
//
//	                        inet 198.51.100.1
//	                          (routes outside)
//	            203.0.113.0/24 |  | 192.0.2.N/24, a link each
//	    PoP, in the room's own     a1 a2 b1: a vSocket each
//	    namespace                  |   |  |
//	                               site a  site b: 10.102.0.10, 10.200.0.10

// TestMain is also the program that a device's process runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "device" {
		if err := tunnel.Serve(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	roomtest.Main(m)
}

var self = []string{"/proc/self/exe", "device"}

// patience is how long a packet is waited for that must come, briefly one that
// must not.
const (
	patience = 10 * time.Second
	briefly  = 100 * time.Millisecond
)

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

type world struct {
	t     testing.TB
	cfg   *config.Config
	hub   *Hub
	fence *egress.Egress
	inet  *room.Host
	hosts map[string]*room.Host
	wg    map[string]*tunnel.Device
}

// vSocket is one of the test's.
type vSocket struct {
	name, site, inside string
	outer              string // its net outside
	lan                string // its net towards the site's host
	port               int
	key                tunnel.Key
}

var vSockets = []*vSocket{
	{name: "a1", site: "a", inside: "100.64.1.1", outer: "192.0.2", lan: "10.102.1", port: 51820, key: tunnel.GenerateKey()},
	{name: "a2", site: "a", inside: "100.64.1.2", outer: "192.0.3", lan: "10.102.2", port: 51821, key: tunnel.GenerateKey()},
	{name: "b1", site: "b", inside: "100.64.2.1", outer: "192.0.4", lan: "10.200.1", port: 51820, key: tunnel.GenerateKey()},
}

var siteHosts = map[string]string{"a": "10.102.0.10", "b": "10.200.0.10"}

const internet = "198.51.100.1"

func newWorld(t testing.TB) *world {
	roomtest.Need(t)
	w := &world{t: t, hosts: map[string]*room.Host{}, wg: map[string]*tunnel.Device{}}
	w.inet = w.host("inet")
	w.address(w.inet, "lo", internet+"/32")
	w.cable(nil, "eth0", "203.0.113.30/24", w.inet, "pop", "203.0.113.1/24")
	w.route(nil, "default", "203.0.113.1", "")
	for name, address := range siteHosts {
		w.address(w.host("site-"+name), "lo", address+"/32")
	}
	w.openPoP()
	for _, v := range vSockets {
		w.vSocket(v)
	}
	w.route(w.hosts["site-a"], "default", "10.102.1.1", siteHosts["a"])
	w.route(w.hosts["site-b"], "default", "10.200.1.1", siteHosts["b"])
	return w
}

func (w *world) host(name string) *room.Host {
	h := must(room.NewHost(name))(w.t)
	w.hosts[name] = h
	w.t.Cleanup(func() { h.Close() })
	must(0, h.Do(kernelForwards))(w.t)
	return h
}

// do runs fn in a host; nil is the PoP.
func (w *world) do(h *room.Host, fn func() error) {
	w.t.Helper()
	if h == nil {
		must(0, fn())(w.t)
		return
	}
	must(0, h.Do(fn))(w.t)
}

func (w *world) address(h *room.Host, link, address string) {
	w.t.Helper()
	w.do(h, func() error {
		l, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		a, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(l, a), netlink.LinkSetUp(l))
	})
}

func (w *world) cable(a *room.Host, aName, aAddress string, b *room.Host, bName, bAddress string) {
	w.t.Helper()
	w.do(a, func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: aName}, PeerName: bName, PeerNamespace: netlink.NsFd(b.NS)})
	})
	w.address(a, aName, aAddress)
	w.address(b, bName, bAddress)
	if a == nil {
		w.t.Cleanup(func() {
			if l, err := netlink.LinkByName(aName); err == nil {
				netlink.LinkDel(l)
			}
		})
	}
}

// route leads to via, or puts it in place of the route there is.
func (w *world) route(h *room.Host, to, via, source string) {
	w.t.Helper()
	w.do(h, func() error { return route(to, via, source) })
}

func route(to, via, source string) error {
	if to == "default" {
		to = "0.0.0.0/0"
	}
	return netlink.RouteReplace(&netlink.Route{Gw: net.ParseIP(via), Src: net.ParseIP(source), Dst: ipNet(netip.MustParsePrefix(to))})
}

// vSocket makes one that sends what comes from its site's host into its tunnel.
func (w *world) vSocket(v *vSocket) {
	w.t.Helper()
	h, lan := w.host(v.name), w.hosts["site-"+v.site]
	w.cable(h, "wan", v.outer+".2/24", w.inet, v.name, v.outer+".1/24")
	w.cable(h, "lan", v.lan+".1/24", lan, v.name, v.lan+".10/24")
	w.route(h, "default", v.outer+".1", "")
	w.route(h, siteHosts[v.site]+"/32", v.lan+".10", "")
	w.do(h, func() (err error) {
		if w.wg[v.name], err = tunnel.Open(tunnel.Config{Name: "t-" + v.name, PrivateKey: v.key, Program: self}); err != nil {
			return err
		}
		index := w.wg[v.name].Index()
		rule := netlink.NewRule()
		rule.IifName, rule.Table, rule.Priority = "lan", 100, 100
		return errors.Join(netlink.RuleAdd(rule), kernelAllows("t-"+v.name),
			netlink.RouteAdd(&netlink.Route{LinkIndex: index, Table: 100, Scope: netlink.SCOPE_LINK, Dst: ipNet(netip.MustParsePrefix("0.0.0.0/0"))}),
			netlink.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: ipNet(netip.MustParsePrefix("100.64.0.1/32"))}))
	})
	w.address(h, "t-"+v.name, v.inside+"/32")
	w.t.Cleanup(func() { w.wg[v.name].Close() })
	must(0, w.wg[v.name].Set([]tunnel.Peer{{PublicKey: w.hub.key.Public(), KeepAlive: 25 * time.Second,
		Endpoint: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.30"), uint16(v.port)),
		Allowed:  []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}}))(w.t)
}

func (w *world) openPoP() {
	w.t.Helper()
	var file strings.Builder
	file.WriteString("name: pop\nuplink: {name: eth0, address: 203.0.113.30}\nsites:\n" +
		"  - name: a\n    id: 1\n    ranges: [10.102.0.0/16]\n" + section("primary", vSockets[0]) + section("secondary", vSockets[1]) +
		"  - name: b\n    id: 2\n    ranges: [10.200.0.0/16]\n" + section("primary", vSockets[2]))
	cfg, refused, err := config.Parse("test", []byte(file.String()))
	if err != nil || len(refused) > 0 {
		w.t.Fatal(err, refused)
	}
	w.cfg = cfg
	w.fence = must(egress.Open(egress.Config{Uplink: "eth0", Primary: cfg.Devices.Primary, Secondary: cfg.Devices.Secondary,
		Witness: netip.AddrPortFrom(cfg.Witness.Address, uint16(cfg.Witness.Port))}))(w.t)
	w.t.Cleanup(func() { must(0, w.fence.Close())(w.t) })
	w.hub = must(Open(cfg, tunnel.GenerateKey(), self, w.fence))(w.t)
	must(0, w.hub.Serve(cfg.Sites))(w.t)
	w.t.Cleanup(func() { must(0, w.hub.Close())(w.t) })
}

func section(side string, v *vSocket) string {
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(v.name, 16)))
	return fmt.Sprintf("    %s: {public_key: %s, address: %s, witness_key: %s}\n", side, v.key.Public(), v.inside, secret)
}

// listen opens a UDP socket; nil is the PoP.
func (w *world) listen(h *room.Host, address string) *net.UDPConn {
	w.t.Helper()
	var conn net.PacketConn
	w.do(h, func() (err error) {
		conn, err = net.ListenPacket("udp4", address)
		return err
	})
	w.t.Cleanup(func() { conn.Close() })
	return conn.(*net.UDPConn)
}

// echo answers on the Internet until the test's end.
func (w *world) echo() {
	conn := w.listen(w.inet, internet+":7")
	go func() {
		for buffer := make([]byte, 2048); ; {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buffer[:n], from)
		}
	}()
}

// passes sends again and again until it comes through, and says from where.
func (w *world) passes(from, to *net.UDPConn, target string, within time.Duration) (netip.AddrPort, bool) {
	w.t.Helper()
	began := time.Now()
	token := fmt.Sprint(began.UnixNano())
	for got := make([]byte, 64); time.Since(began) < within; {
		must(from.WriteToUDPAddrPort([]byte(token), netip.MustParseAddrPort(target)))(w.t)
		must(0, to.SetReadDeadline(time.Now().Add(20*time.Millisecond)))(w.t)
		for {
			n, sender, err := to.ReadFromUDPAddrPort(got)
			if err != nil {
				break
			}
			if string(got[:n]) == token {
				return sender, true
			}
		}
	}
	return netip.AddrPort{}, false
}

func (w *world) mustPass(what string, from, to *net.UDPConn, target string) netip.AddrPort {
	w.t.Helper()
	sender, ok := w.passes(from, to, target, patience)
	if !ok {
		w.t.Fatalf("%s: nothing comes through", what)
	}
	return sender
}

func (w *world) mustNotPass(what string, from, to *net.UDPConn, target string) {
	w.t.Helper()
	if sender, ok := w.passes(from, to, target, briefly); ok {
		w.t.Errorf("%s comes through, from %s", what, sender)
	}
}

func (w *world) dropped() egress.Dropped { return must(w.fence.Dropped())(w.t) }

func (w *world) status(name string) SiteStatus {
	w.t.Helper()
	_, sites, err := w.hub.Status()
	must(0, err)(w.t)
	for _, s := range sites {
		if s.Name == name {
			return s
		}
	}
	w.t.Fatalf("no site %s in %v", name, sites)
	return SiteStatus{}
}
