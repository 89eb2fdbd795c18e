package world

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
)

// imdsAddr is where every Azure VM finds its metadata service.
const imdsAddr = "169.254.169.254"

func (w *World) caFile() string { return filepath.Join(w.dir, "ca.pem") }

// startAzure makes the emulated region with the site in it.
func (w *World) startAzure() (err error) {
	w.azure, err = emulator.New(emulator.Options{
		Store:  store.Options{Profile: w.opt.Profile, Seed: w.opt.Seed, Endpoint: w.endpoint(), BlobSuffix: w.blobSuffix(), Location: azuresite.Location},
		Logger: w.log,
	})
	if err != nil {
		return fmt.Errorf("start the emulated Azure: %w", err)
	}
	w.later(func() { _ = w.azure.Close() })
	w.azure.With(func(_ time.Duration, s *store.Store) {
		w.layout = azuresite.Layout{Subscription: s.Subscription(), Zones: w.opt.Zones}
	})
	if w.opt.Bare {
		return errors.Join(w.place(w.layout.Bare("https://"+blobName)), w.admit(), w.openAzure())
	}
	if err := w.place(w.layout.Resources()); err != nil {
		return err
	}
	w.azure.With(func(_ time.Duration, s *store.Store) {
		if list, _ := s.Identities(w.layout.VMID(azuresite.VM(site.Primary))); len(list) == 1 {
			w.principal, w.client = list[0].PrincipalID, list[0].ClientID
		}
	})
	if err := w.place(w.layout.Roles(w.principal)); err != nil {
		return err
	}
	return w.openAzure()
}

// blobSuffix is "" for the emulator's own.
func (w *World) blobSuffix() string {
	if w.opt.Bare {
		return blobSuffix
	}
	return ""
}

// openAzure has the lab look at the emulated Azure, and trust it.
func (w *World) openAzure() error {
	if err := os.WriteFile(w.caFile(), w.azure.CA(), 0o644); err != nil {
		return fmt.Errorf("write the emulated Azure's certificate: %w", err)
	}
	w.fip = &tracker{layout: w.layout, note: w.noteAs}
	w.azure.OnPlane(w.fip.look)
	return nil
}

func (w *World) place(list []azuresite.Resource) error {
	for _, r := range list {
		if err := w.azure.Place(r.ID, r.Body); err != nil {
			return fmt.Errorf("build the site in the emulated Azure: %w", err)
		}
	}
	return nil
}

// startServices opens ARM on its public address. The VMs' metadata services
// are opened with their hosts.
func (w *World) startServices() error {
	host, err := w.Host(Azure)
	if err != nil {
		return err
	}
	hosts := []string{azuresite.AzureAddr.String()}
	if w.opt.Bare {
		hosts = append(hosts, armName, blobName)
	}
	server, err := w.azure.HTTPServer(hosts...)
	if err != nil {
		return err
	}
	if w.opt.Bare {
		server.Handler = w.withBlobs(server.Handler)
	}
	listener, err := host.Listen(net.JoinHostPort(azuresite.AzureAddr.String(), "443"))
	if err != nil {
		return fmt.Errorf("open the emulated ARM: %w", err)
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	w.later(func() { _ = server.Close() })
	return nil
}

// service is a metadata service.
type service struct{ server *http.Server }

func (s *service) close() { _ = s.server.Close() }

// serveIMDS opens a VM's metadata service inside it.
func (w *World) serveIMDS(node, vm string) error {
	host, err := w.Host(node)
	if err != nil {
		return err
	}
	listener, err := host.Listen(net.JoinHostPort(imdsAddr, "80"))
	if err != nil {
		return fmt.Errorf("open the metadata service of %s: %w", node, err)
	}
	s := w.serveIMDSOn(listener, w.layout.VMID(vm))
	w.mu.Lock()
	old := w.imds[node]
	w.imds[node] = s
	w.mu.Unlock()
	if old != nil {
		old.close()
	}
	return nil
}

func (w *World) serveIMDSOn(listener net.Listener, vmID string) *service {
	s := &service{&http.Server{Handler: w.azure.IMDSHandler(vmID), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(listener) }()
	return s
}

// serveGuest opens in a VM what Azure's host answers there: the metadata service and
// DNS.
func (w *World) serveGuest(host *room.Host, vmID string) (stop func(), err error) {
	listener, err := host.Listen(net.JoinHostPort(imdsAddr, "80"))
	if err != nil {
		return nil, fmt.Errorf("open the metadata service of %s: %w", host.Name, err)
	}
	s := w.serveIMDSOn(listener, vmID)
	dns, err := serveNamesIn(host, azureDNS, w.zone())
	if err != nil {
		s.close()
		return nil, err
	}
	return func() { s.close(); _ = dns.Close() }, nil
}

// tracker follows where Azure delivers the floating IP.
type tracker struct {
	layout azuresite.Layout
	note   func(who, what, detail string)

	mu    sync.Mutex
	steps []step
	hand  bool // the next change of place is an administrator's
}

// step is a change of the NIC that has the floating IP.
type step struct {
	at     time.Duration
	holder string // node, "" for none, or another NIC's name
	byHand bool
}

// look is called with each new data plane, in order.
func (t *tracker) look(p *plane.Plane) {
	holder := t.holder(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.steps); n > 0 && t.steps[n-1].holder == holder {
		return
	}
	first := len(t.steps) == 0
	t.steps = append(t.steps, step{clock.Now(), holder, t.hand})
	switch {
	case first:
	case holder == "":
		t.note(Azure, report.WhatNowhere, "delivered to no NIC")
	default:
		t.note(Azure, report.WhatDelivered, holder)
	}
}

func (t *tracker) holder(p *plane.Plane) string {
	for _, n := range p.NICs {
		if !slices.Contains(n.Addrs, azuresite.FloatingIP) {
			continue
		}
		for _, side := range []site.Side{site.Primary, site.Secondary} {
			if n.ID == azuresite.PlaneID(t.layout.LANNIC(side)) {
				return side.String()
			}
		}
		return n.Name
	}
	return ""
}

// byHand runs an administrator's act on the floating IP: its changes are no
// moves of the vSockets'.
func (t *tracker) byHand(fn func() error) error {
	set := func(on bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.hand = on
	}
	set(true)
	defer set(false)
	return fn()
}

// now is the present holder.
func (t *tracker) now() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.steps[len(t.steps)-1].holder
}

// moves counts the changes of the holder, but for an administrator's, after
// one moment and up to another. Off one NIC and back to it is none.
func (t *tracker) moves(after, upto time.Duration) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	count, last := 0, ""
	for _, s := range t.steps {
		if s.holder == "" {
			continue
		}
		if last != "" && s.holder != last && !s.byHand && s.at > after && s.at <= upto {
			count++
		}
		last = s.holder
	}
	return count
}

// FIPHolder is the node to which Azure delivers the floating IP, "" for none.
func (w *World) FIPHolder() string { return w.fip.now() }

// Moves counts the vSockets' moves of the floating IP between two moments.
func (w *World) Moves(after, upto time.Duration) int { return w.fip.moves(after, upto) }

// Quiet reports whether no operation is under way on the two LAN NICs.
func (w *World) Quiet() bool {
	for _, op := range w.azure.Operations() {
		if op.Status == "InProgress" {
			return false
		}
	}
	return true
}

// NIC is a vSocket's LAN NIC as ARM shows it to an administrator.
func (w *World) NIC(side site.Side) ([]byte, error) {
	answer := w.azure.Do(http.MethodGet, w.layout.LANNIC(side)+apiVersion, "", "")
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("read the %s's LAN NIC: %d %s", side, answer.Status, answer.Code)
	}
	return answer.Body, nil
}

const apiVersion = "?api-version=2024-05-01"
