package world

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// upCloud is a site with the cloud, whose programs do nothing.
func upCloud(t *testing.T, pops int) *World {
	t.Helper()
	roomtest.Need(t)
	idle := filepath.Join(t.TempDir(), "idle")
	script := "#!/bin/sh\n[ $1 != init ] || exec echo " + tunnel.GenerateKey().Public().String() + "\nexec sleep 600\n"
	if err := os.WriteFile(idle, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := Up(Options{Agent: idle, PoP: idle, Cloud: true, PoPs: pops, Profile: profile.Instant, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Down)
	return w
}

// ear is a socket that remembers who it last heard.
type ear struct {
	*net.UDPConn
	heard atomic.Int64
	from  atomic.Pointer[netip.AddrPort]
}

func (w *World) ear(t *testing.T, node, addr string, port int) *ear {
	t.Helper()
	host, err := w.Host(node)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := host.ListenUDP(&net.UDPAddr{IP: net.ParseIP(addr), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	e := &ear{UDPConn: conn}
	go func() {
		for {
			_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 1))
			if err != nil {
				return
			}
			e.from.Store(&from)
			e.heard.Add(1)
		}
	}()
	return e
}

// passes reports whether a packet arrives or a fault drops it. A fault may drop
// a kernel's own ARP meanwhile, so what passes once in three does pass.
func (w *World) passes(t *testing.T, from, to *ear, addr netip.AddrPort) bool {
	t.Helper()
	for range 3 {
		if w.arrives(t, from, to, addr) {
			return true
		}
	}
	return false
}

func (w *World) arrives(t *testing.T, from, to *ear, addr netip.AddrPort) bool {
	t.Helper()
	heard, dropped := to.heard.Load(), w.faulted()
	if _, err := from.WriteToUDPAddrPort([]byte{'x'}, addr); err != nil {
		t.Fatal(err)
	}
	if err := w.Await(t.Context(), "a packet arrives or is dropped", bound, func(context.Context) bool {
		return to.heard.Load() > heard || w.faulted() > dropped
	}); err != nil {
		t.Fatalf("%v; the fabric says %+v", err, w.fabric.Stats())
	}
	return to.heard.Load() > heard
}

// faulted counts what faults have dropped.
func (w *World) faulted() (count uint64) {
	for _, n := range w.fabric.Stats().NICs {
		for reason, dropped := range n.Dropped {
			if strings.HasPrefix(reason, "fault-") {
				count += dropped
			}
		}
	}
	return count
}

// What each fault of the tunnels drops, and what it lets pass.
func TestCloudFaults(t *testing.T) {
	w := upCloud(t, 1)
	pop, internet := azuresite.PoP1Addr.String(), azuresite.InternetAddr.String()
	tunnels := map[int]*ear{primaryPort: w.ear(t, PoP1, pop, primaryPort), secondaryPort: w.ear(t, PoP1, pop, secondaryPort)}
	other, far := w.ear(t, PoP1, pop, 7000), w.ear(t, Internet, internet, 7000)
	primary, secondary := w.ear(t, Primary, "0.0.0.0", 7001), w.ear(t, Secondary, "0.0.0.0", 7001)
	at := func(e *ear) netip.AddrPort { return e.LocalAddr().(*net.UDPAddr).AddrPort() }
	ways := map[string]func() bool{
		"tunnel":          func() bool { return w.passes(t, primary, tunnels[primaryPort], at(tunnels[primaryPort])) },
		"other tunnel":    func() bool { return w.passes(t, primary, tunnels[secondaryPort], at(tunnels[secondaryPort])) },
		"tunnel back":     func() bool { return w.passes(t, tunnels[primaryPort], primary, *tunnels[primaryPort].from.Load()) },
		"pop":             func() bool { return w.passes(t, primary, other, at(other)) },
		"internet":        func() bool { return w.passes(t, primary, far, at(far)) },
		"internet back":   func() bool { return w.passes(t, far, primary, *far.from.Load()) },
		"secondary's own": func() bool { return w.passes(t, secondary, tunnels[secondaryPort], at(tunnels[secondaryPort])) },
	}
	for _, way := range []string{"tunnel", "other tunnel", "tunnel back", "pop", "internet", "internet back", "secondary's own"} {
		if !ways[way]() {
			t.Fatalf("%s: doesn't pass without a fault", way)
		}
	}
	for kind, cut := range map[string]string{
		"tunnel-cut":  "tunnel,other tunnel,tunnel back",
		"pop-cut":     "tunnel,other tunnel,tunnel back,pop",
		"wan-cut-in":  "tunnel back,internet back",
		"wan-cut-out": "tunnel,other tunnel,pop,internet",
	} {
		if err := w.Fault(t.Context(), Primary, kind); err != nil {
			t.Fatal(err)
		}
		for way, try := range ways {
			if want := !strings.Contains(","+cut+",", ","+way+","); try() != want {
				t.Errorf("%s: %s passes: %v, want %v", kind, way, !want, want)
			}
		}
		if err := w.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Fault(t.Context(), Primary, "witness-late"); err != nil {
		t.Fatal(err)
	}
	sent := clock.Now()
	if !ways["tunnel"]() || !ways["internet back"]() || clock.Now()-sent > lateness {
		t.Error("what isn't from the PoP is late")
	}
	if sent = clock.Now(); !ways["tunnel back"]() || clock.Now()-sent < lateness {
		t.Errorf("the PoP's packet took %v, want at least %v", clock.Now()-sent, lateness)
	}
}

// With two PoPs a vSocket is cut from both; and in a lab with one there is no second.
func TestFaultsWithTwoPoPs(t *testing.T) {
	w := upCloud(t, 2)
	primary := w.ear(t, Primary, "0.0.0.0", 7001)
	for kind, ports := range map[string][]int{"tunnel-cut": {primaryPort, secondaryPort}, "pop-cut": {primaryPort, 7000}} {
		for node, addr := range map[string]netip.Addr{PoP1: azuresite.PoP1Addr, PoP2: azuresite.PoP2Addr} {
			for _, port := range ports {
				ear := w.ear(t, node, addr.String(), port)
				to := netip.AddrPortFrom(addr, uint16(port))
				if !w.passes(t, primary, ear, to) {
					t.Fatalf("%s port %d can't be reached without a fault", node, port)
				}
				if err := w.Fault(t.Context(), Primary, kind); err != nil {
					t.Fatal(err)
				}
				if w.passes(t, primary, ear, to) {
					t.Errorf("%s: %s port %d can be reached", kind, node, port)
				}
				if err := w.Heal(t.Context()); err != nil {
					t.Fatal(err)
				}
				ear.Close()
			}
		}
	}
	pid := w.Pid(PoP1)
	if err := w.Fault(t.Context(), PoP2, "crash"); err != nil {
		t.Fatal(err)
	}
	if w.programs[PoP2].running() || w.Pid(PoP1) != pid {
		t.Errorf("pop2 is gone: it runs: %v, pop1 as %d, before as %d", w.programs[PoP2].running(), w.Pid(PoP1), pid)
	}
	if err := upCloud(t, 1).Fault(t.Context(), PoP2, "crash"); err == nil || !strings.Contains(err.Error(), "--pops 2") {
		t.Errorf("crash of a PoP that isn't there: %v", err)
	}
}

// The PoP in use is the active's.
func TestPoPInUse(t *testing.T) {
	w := &World{cloud: newCloud(2)}
	at := func(pop string, role site.Role) *site.Status {
		return &site.Status{Role: role, Tunnel: &site.TunnelStatus{PoP: pop}}
	}
	for _, c := range []struct {
		primary, secondary *site.Status
		want               string
	}{
		{nil, nil, PoP1},
		{&site.Status{}, at(PoP2, site.Standby), PoP2},
		{at(PoP2, site.Active), at(PoP1, site.Standby), PoP2},
		{at(PoP1, site.Standby), at(PoP2, site.Active), PoP2},
	} {
		if got := w.inUse(map[string]*site.Status{Primary: c.primary, Secondary: c.secondary}); got != c.want {
			t.Errorf("%+v and %+v use %s, want %s", c.primary, c.secondary, got, c.want)
		}
	}
}

// A PoP that was gone comes back on a new machine, with its disk.
func TestThePoPComesBack(t *testing.T) {
	w := upCloud(t, 1)
	before, _ := w.Host(PoP1)
	pid := w.Pid(PoP1)
	if err := w.Fault(t.Context(), PoP1, "crash"); err != nil {
		t.Fatal(err)
	}
	if w.programs[PoP1].running() {
		t.Error("the program of a PoP that is gone runs")
	}
	if err := w.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, _ := w.Host(PoP1)
	if again := w.Pid(PoP1); again == 0 || again == pid || after == before {
		t.Errorf("after the crash it runs as %d, before as %d, on the same machine: %v", again, pid, after == before)
	}
	pid = w.Pid(PoP1)
	if err := w.Fault(t.Context(), PoP1, "restart"); err != nil {
		t.Fatal(err)
	}
	if again := w.Pid(PoP1); again == 0 || again == pid {
		t.Errorf("after a restart it runs as %d, before as %d", again, pid)
	}
	if _, err := os.Stat(w.programs[PoP1].path(popFile)); err != nil {
		t.Errorf("its disk: %v", err)
	}
}

// netlinkHost makes interfaces and routes of the site in a host.
type netlinkHost struct {
	t *testing.T
	*netlink.Handle
}

func (h *netlinkHost) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// device stands in for a tunnel's.
func (h *netlinkHost) device(name string) {
	h.t.Helper()
	h.must(h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-x"}))
	for _, end := range []string{name, name + "-x"} {
		link, err := h.LinkByName(end)
		h.must(err)
		h.must(h.LinkSetUp(link))
	}
}

func (h *netlinkHost) of(name string, metric int) *netlink.Route {
	h.t.Helper()
	link, err := h.LinkByName(name)
	h.must(err)
	return &netlink.Route{Dst: ipNet(azuresite.Space), LinkIndex: link.Attrs().Index, Priority: metric, Scope: netlink.SCOPE_LINK}
}

func (h *netlinkHost) route(name string, metric int)  { h.must(h.RouteAdd(h.of(name, metric))) }
func (h *netlinkHost) remove(name string, metric int) { h.must(h.RouteDel(h.of(name, metric))) }

// The site's downstream is read from the PoP's kernel, two tunnels at once too.
func TestDownstreamIsFollowed(t *testing.T) {
	w := upCloud(t, 2)
	w.Begin()
	now := func(pop string) (last string) {
		for _, step := range w.Downstream(w.Begun()) {
			if step.PoP == pop {
				last = names(step.Sides)
			}
		}
		return last
	}
	follow := func(pop, want string, change func(*netlinkHost)) {
		t.Helper()
		host, err := w.Host(pop)
		if err != nil {
			t.Fatal(err)
		}
		handle, err := host.Netlink()
		if err != nil {
			t.Fatal(err)
		}
		defer handle.Close()
		change(&netlinkHost{t, handle})
		if err := w.Await(t.Context(), "downstream "+want, bound, func(context.Context) bool {
			return now(pop) == want
		}); err != nil {
			t.Fatalf("%v; steps %v", err, w.Downstream(0))
		}
	}
	follow(PoP1, "primary", func(h *netlinkHost) { h.device("rlv-p1p"); h.device("rlv-p1s"); h.route("rlv-p1p", 0) })
	follow(PoP2, "primary", func(h *netlinkHost) { h.device("rlv-p2p"); h.device("rlv-p2s"); h.route("rlv-p2p", 0) })
	follow(PoP1, "primary and secondary", func(h *netlinkHost) { h.route("rlv-p1s", 7) })
	follow(PoP1, "primary", func(h *netlinkHost) { h.remove("rlv-p1s", 7) })
	if got := now(PoP2); got != "primary" {
		t.Errorf("downstream of pop2 after pop1's changes: %q", got)
	}
	if first := w.Downstream(clock.Now()); len(first) != 2 {
		t.Errorf("of each PoP how it is now, got %v", first)
	}
	follow(PoP1, "", func(h *netlinkHost) { h.must(h.LinkDel(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "rlv-p1p"}})) })
}

// What one PoP does says nothing of the other.
func TestStepsAreEachPoPsOwn(t *testing.T) {
	d := downstream{note: func(string, string, string) {}}
	to := []site.Side{site.Primary}
	d.step(PoP1, nil)
	d.step(PoP1, to)
	d.step(PoP2, to)
	d.step(PoP1, to)
	if len(d.steps) != 2 || d.steps[0].PoP != PoP1 || d.steps[1].PoP != PoP2 {
		t.Errorf("steps %v, want one of each PoP", d.steps)
	}
}
