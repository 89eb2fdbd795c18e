package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

// managed is a site of two agents, real programs in a network namespace each, with
// three cables between them, an emulated Azure in either's loopback, and settings
// that the test leaves where a channel does.
type managed struct {
	t      *testing.T
	azure  *emulator.Server
	layout azuresite.Layout
	nodes  [3]*appliance // by site.Side
}

type appliance struct {
	w     *managed
	side  site.Side
	host  *room.Host
	dir   string
	cmd   *exec.Cmd
	agent *control.Client
}

// enough is for a machine that is busy with much else.
const enough = time.Minute

func newManaged(t *testing.T) *managed {
	if !room.Inside() {
		t.Skip("no network namespaces of one's own here")
	}
	server, err := emulator.New(emulator.Options{Store: store.Options{Profile: profile.Instant}})
	must(t, err)
	t.Cleanup(func() { server.Close() })
	w := &managed{t: t, azure: server}
	server.With(func(_ time.Duration, st *store.Store) { w.layout.Subscription = st.Subscription() })
	w.place(w.layout.Resources())
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		host, err := room.NewHost(side.String())
		must(t, err)
		w.nodes[side] = &appliance{w: w, side: side, host: host, dir: t.TempDir()}
		t.Cleanup(func() { w.nodes[side].kill(); host.Close() })
	}
	for _, iface := range [...]string{azuresite.WAN, azuresite.LAN, azuresite.MGMT} {
		w.cable(iface)
	}
	for _, n := range w.nodes[1:] {
		n.install()
	}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *managed) place(resources []azuresite.Resource) {
	for _, r := range resources {
		must(w.t, w.azure.Place(r.ID, r.Body))
	}
}

// cable links the two. Each has the gateway's address too, for the other to find.
func (w *managed) cable(iface string) {
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	must(w.t, p.host.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: iface}, PeerName: iface, PeerNamespace: netlink.NsFd(s.host.NS)})
	}))
	for _, n := range w.nodes[1:] {
		must(w.t, n.host.Do(func() error {
			link, err := netlink.LinkByName(iface)
			if err != nil {
				return err
			}
			subnet := azuresite.Prefixes[iface]
			for _, addr := range []netip.Prefix{
				netip.PrefixFrom(azuresite.Addr(n.side, iface), subnet.Bits()), netip.PrefixFrom(site.Gateway(subnet), 32)} {
				if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: addr.Addr().AsSlice(), Mask: net.CIDRMask(addr.Bits(), 32)}}); err != nil {
					return err
				}
			}
			return netlink.LinkSetUp(link)
		}))
	}
}

// install writes the file with what only the VM knows, and lets Azure be reached.
func (n *appliance) install() {
	t, w := n.w.t, n.w
	vm := w.layout.VMID(azuresite.VM(n.side))
	var identities []store.Identity
	w.azure.With(func(_ time.Duration, st *store.Store) { identities, _ = st.Identities(vm) })
	if n.side == site.Primary {
		w.place(w.layout.Roles(identities[0].PrincipalID))
	}
	server, err := w.azure.HTTPServer("127.0.0.1")
	must(t, err)
	management, err := n.host.Listen("127.0.0.1:8443")
	must(t, err)
	go server.ServeTLS(management, "", "")
	metadata, err := n.host.Listen("127.0.0.1:8080")
	must(t, err)
	imds := &http.Server{Handler: w.azure.IMDSHandler(vm), ReadHeaderTimeout: time.Second}
	go imds.Serve(metadata)
	t.Cleanup(func() { server.Close(); imds.Close() })

	own := func(iface string) config.Interface {
		return config.Interface{Name: iface, Address: netip.PrefixFrom(azuresite.Addr(n.side, iface), azuresite.Prefixes[iface].Bits())}
	}
	ref := func(name string) config.Ref { return config.Ref{Group: azuresite.SiteGroup, Name: name} }
	c := config.Default()
	c.Site, c.Side, c.Egress = "by file", n.side, config.EgressNAT
	c.StateDir, c.RunDir = filepath.Join(n.dir, "state"), filepath.Join(n.dir, "run")
	c.Interfaces = config.Interfaces{WAN: own(azuresite.WAN), LAN: own(azuresite.LAN), MGMT: own(azuresite.MGMT)}
	c.Probes.WAN = []netip.Addr{azuresite.Addr(n.side.Peer(), azuresite.WAN), azuresite.Addr(n.side, azuresite.WAN)}
	c.Azure = &config.Azure{Endpoint: "https://127.0.0.1:8443", Audience: "https://management.azure.com", CAFile: filepath.Join(n.dir, "ca.pem"),
		IMDS: "http://127.0.0.1:8080", ClientID: identities[0].ClientID, Subscription: w.layout.Subscription,
		NIC:     ref(azuresite.NIC(azuresite.VM(n.side), azuresite.LAN)),
		PeerNIC: ref(azuresite.NIC(azuresite.VM(n.side.Peer()), azuresite.LAN)),
		Subnet:  config.Subnet{Group: azuresite.NetworkGroup, VNet: azuresite.VNet, Name: azuresite.LAN}}
	text, err := yaml.Marshal(c)
	must(t, err)
	must(t, os.WriteFile(c.Azure.CAFile, w.azure.CA(), 0o600))
	text = fmt.Appendf(text, "cloud: {device: rlv-%d}\n", n.side) // wireguard-go's sockets are in one folder here
	must(t, os.WriteFile(n.file(), text, 0o600))
	n.agent = control.Dial(control.Socket(c.RunDir))
}

func (n *appliance) file() string { return filepath.Join(n.dir, "vsocket.yaml") }

func (n *appliance) start() {
	n.w.t.Helper()
	n.cmd = exec.Command("releve-vsocket", "run", "--config", n.file())
	n.cmd.Stderr = n.w.t.Output()
	must(n.w.t, n.host.Start(n.cmd))
	n.until("starts", func(*site.Status) bool { return true })
}

func (n *appliance) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
		n.cmd = nil
	}
}

// until waits for what a status must come to say.
func (n *appliance) until(what string, ok func(*site.Status) bool) (last site.Status) {
	n.w.t.Helper()
	ctx, cancel := context.WithTimeout(n.w.t.Context(), enough)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := n.agent.Status(ctx)
		if err == nil {
			if last = status; ok(&status) {
				return status
			}
		}
		select {
		case <-ctx.Done():
			n.w.t.Fatalf("the %s never %s; it says %q, role %s, settings %+v (%v)", n.side, what, last.Summary, last.Role, last.Settings, err)
		case <-tick.C:
		}
	}
}

// applied waits until it runs with a generation, with no word about it.
func (n *appliance) applied(generation uint64) {
	n.w.t.Helper()
	n.until(fmt.Sprintf("applies generation %d", generation), func(s *site.Status) bool {
		return s.Settings != nil && *s.Settings == site.SettingsStatus{Saved: generation, Applied: generation}
	})
}

// give leaves settings on the disk, and tells the agent if it runs.
func (n *appliance) give(s *contract.Settings) (status site.SettingsStatus) {
	n.w.t.Helper()
	folder, err := disk.Own(filepath.Join(n.dir, "state", "manager"))
	must(n.w.t, err)
	defer folder.Close()
	must(n.w.t, channel.SaveSettings(folder, s))
	if n.cmd != nil {
		status, err = n.agent.Settings(n.w.t.Context())
		must(n.w.t, err)
	}
	return status
}

// settings are a site's with HA.
func (n *appliance) settings(generation uint64, key byte, change func(*contract.HA)) *contract.Settings {
	peer := n.side.Peer()
	s := &contract.Settings{Generation: generation, Site: "by manager", Side: contract.Settings_Side(n.side), LanIp: azuresite.Addr(n.side, azuresite.LAN).String(),
		Ha: &contract.HA{FloatingIp: azuresite.FloatingIP.String(), PeerLan: azuresite.Addr(peer, azuresite.LAN).String(),
			PeerMgmt: azuresite.Addr(peer, azuresite.MGMT).String(), Key: append(make([]byte, 31), key),
			KeepaliveMs: 100, SilentMs: 2000, HoldMs: 3_600_000}}
	if change != nil {
		change(s.Ha)
	}
	return s
}

// watchGate looks into the kernel: the returned function says how often the gate was
// found shut.
func (n *appliance) watchGate() (shut func() (times, looks int64)) {
	t := n.w.t
	conn, err := nftables.New(nftables.WithNetNSFd(int(n.host.NS)))
	must(t, err)
	table := &nftables.Table{Name: "releve", Family: nftables.TableFamilyIPv4}
	var times, looks atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			open, whole := 0, true
			for _, name := range [...]string{"serve", "drain"} {
				set, err := conn.GetSetByName(table, name)
				if err == nil {
					var elements []nftables.SetElement
					elements, err = conn.GetSetElements(set)
					open += len(elements)
				}
				whole = whole && err == nil // a dump that a change came into is none
			}
			if looks.Add(1); open == 0 && whole {
				times.Add(1)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() (int64, int64) {
		stop()
		<-ended
		return times.Load(), looks.Load()
	}
}

// The whole way of a site's settings with real agents: alone, its first HA settings
// while it serves (E2, E3), timers and key that come to one before the other (R14),
// what can't be joined or taken, a kill in between, and HA off again (E9).
func TestSettingsOfTheManager(t *testing.T) {
	if testing.Short() {
		t.Skip("waits out the longest lease a few times")
	}
	w := newManaged(t)
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	p.start()
	p.until("is Master by itself", func(s *site.Status) bool { return s.Master && s.Settings == nil && s.Site == "by file" })
	shut := p.watchGate()

	s.give(s.settings(2, 1, nil))
	s.start()
	if status := p.give(p.settings(2, 1, nil)); status.Applied != 2 || status.Problem != "" {
		t.Errorf("the first HA settings: %+v", status)
	}
	p.until("is the active one", func(s *site.Status) bool {
		return s.Role == site.Active && s.Master && s.FIP.Steered && s.Site == "by manager" && s.HA.Ready
	})
	s.until("is its standby", func(s *site.Status) bool { return s.Role == site.Standby && s.HA.Ready })

	faster := func(h *contract.HA) { h.KeepaliveMs, h.SilentMs = 50, 1500 }
	if status := p.give(p.settings(3, 2, faster)); status.Applied != 2 || !strings.Contains(status.Problem, "side by side") {
		t.Errorf("one has other timers and another key: %+v", status)
	}
	s.kill()
	s.start()
	s.until("is standby again", func(s *site.Status) bool { return s.Role == site.Standby && s.HA.Ready })
	if status := s.give(s.settings(3, 2, faster)); status.Applied != 3 {
		t.Errorf("the other has them too: %+v", status)
	}
	p.applied(3)
	term := p.until("is the active one still", func(s *site.Status) bool { return s.Role == site.Active && s.HA.Ready }).Term

	if status := p.give(p.settings(4, 2, func(h *contract.HA) { faster(h); h.FloatingIp = "10.9.9.9" })); status.Applied != 3 || !strings.Contains(status.Problem, "10.9.9.9 is outside the subnet") {
		t.Errorf("what can't be joined: %+v", status)
	}
	if status := p.give(p.settings(5, 2, func(h *contract.HA) { faster(h); h.Third = "witness" })); status.Applied != 3 || !strings.Contains(status.Problem, "ha.third") {
		t.Errorf("a witness without a PoP: %+v", status)
	}
	for _, n := range w.nodes[1:] {
		if status := n.give(n.settings(6, 2, func(h *contract.HA) { faster(h); h.Preempt = "off" })); status.Applied != 6 {
			t.Errorf("at once: %+v", status)
		}
	}
	if now := p.until("is the active one yet", func(s *site.Status) bool { return s.Role == site.Active }).Term; now != term {
		t.Errorf("term %d has become %d", term, now)
	}
	if times, looks := shut(); times > 0 || looks < 500 {
		t.Errorf("the primary's gate was shut %d of %d times", times, looks)
	}

	for _, n := range [...]*appliance{p, s} { // a tunnel, which only a standby takes: the active hands over
		tunnelled := n.settings(7, 2, func(h *contract.HA) { faster(h); h.Preempt, h.Third = "off", "arm" })
		tunnelled.Cloud = &contract.Cloud{SiteNumber: 5, Address: fmt.Sprintf("100.64.0.%d", 10+n.side), WitnessKey: append(make([]byte, 31), 9), Pops: []*contract.PoP{
			{Name: "pop1", Endpoint: "10.102.1.99:51820", PublicKey: append(make([]byte, 31), 8), Witness: "100.64.0.1:20481"}}}
		if status := n.give(tunnelled); n == p && (status.Applied != 6 || !strings.Contains(status.Problem, "standby")) {
			t.Errorf("a tunnel at the active: %+v", status)
		}
	}
	s.applied(7)
	p.applied(7)
	s.until("is the active one", func(s *site.Status) bool { return s.Role == site.Active && s.Master && s.Tunnel != nil })
	p.until("is its standby", func(s *site.Status) bool { return s.Role == site.Standby && s.HA.Ready && s.Tunnel != nil })

	off := &contract.Settings{Generation: 8, Site: "alone", Side: contract.Settings_PRIMARY}
	if status := p.give(off); status.Applied != 7 || !strings.Contains(status.Problem, "leaves it") {
		t.Errorf("HA is off while the other is the active one: %+v", status)
	}
	must(t, s.agent.Stop(t.Context()))
	p.applied(8)
	p.until("is Master by itself again", func(s *site.Status) bool { return s.Master && !s.HA.Configured && s.Site == "alone" })
}
