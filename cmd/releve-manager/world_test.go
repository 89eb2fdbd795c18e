package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/disk/power"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/spool"
)

var quiet = slog.New(slog.DiscardHandler)

// served is a manager that serves on a port of its own until the test ends, or it
// is stopped.
type served struct {
	*manager
	t       *testing.T
	address string
	data    string
	stop    func()
}

// serve starts one whose data directory has the authority of another, if there is
// one.
func serve(t *testing.T, url, authorityOf string, with ...func(*upping)) *served {
	t.Helper()
	data := t.TempDir()
	if authorityOf != "" {
		fine(t, os.CopyFS(filepath.Join(data, "authority"), os.DirFS(filepath.Join(authorityOf, "authority"))))
	}
	u := &upping{options: &options{data: data, database: url}, keepEvents: least}
	for _, change := range with {
		change(u)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fine(t, err)
	m, err := u.open(t.Context(), listener.Addr(), quiet)
	fine(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.serve(ctx, listener, time.Second); err != nil {
			t.Error(err)
		}
	})
	s := &served{manager: m, t: t, address: listener.Addr().String(), data: data}
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := m.close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// pair is two managers on one database.
func pair(t *testing.T, url string, with ...func(*upping)) (a, b *served) {
	t.Helper()
	a = serve(t, url, "", with...)
	return a, serve(t, url, a.data, with...)
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(90 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not within 90 s: %s", what)
		}
	}
	return time.Since(began)
}

// vsocket is a device that is enrolled and talks to a manager.
type vsocket struct {
	*channel.Channel
	folder *power.Folder
	serve  func(service string, conn net.Conn) // nil: nothing
	stop   func()
}

// enrolled makes one.
func (s *served) enrolled(by inventory.Actor, serial site.Serial) *vsocket {
	s.t.Helper()
	key, err := s.inventory.EnrolKey(s.t.Context(), by, serial, inventory.Change{})
	fine(s.t, err)
	v := &vsocket{folder: power.New(), stop: func() {}}
	_, err = channel.Enrol(s.t.Context(), s.address, dial, v.folder, key)
	fine(s.t, err)
	return v
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// at makes it talk to a manager, and waits until that has it.
func (v *vsocket) at(s *served, machine string) *vsocket {
	s.t.Helper()
	events, err := spool.Open(power.New(), spool.Options{Boot: 1})
	fine(s.t, err)
	v.Channel, err = channel.Open(channel.Config{Manager: s.address, Folder: v.folder, Spool: events, Version: site.Release,
		Machine: machine, Log: quiet, Dial: dial, Retry: time.Second, Serve: v.serve})
	fine(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = v.Run(ctx) })
	v.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(v.stop)
	until(s.t, "connected", func() bool { return v.State().Connected })
	return v
}

// account makes one, for what is made in it.
func (s *served) account(name string) inventory.Actor {
	s.t.Helper()
	a, err := s.inventory.CreateAccount(s.t.Context(), name)
	fine(s.t, err)
	return inventory.Actor{Account: a.ID, ID: "system"}
}

// paris is a site whose primary was here.
func (s *served) paris(by inventory.Actor) inventory.Site {
	s.t.Helper()
	made, err := s.inventory.CreateSite(s.t.Context(), by, inventory.NewSite{Name: "paris", Native: netip.MustParsePrefix("10.0.1.0/24"),
		LocalIP: netip.MustParseAddr("10.0.1.4")}, inventory.Change{})
	fine(s.t, err)
	return made
}

// second adds a secondary.
func (s *served) second(by inventory.Actor, id string) inventory.Site {
	s.t.Helper()
	now, err := s.inventory.Site(s.t.Context(), by, id)
	fine(s.t, err)
	changed, err := s.inventory.AddSecondary(s.t.Context(), by, id, inventory.Change{IfMatch: now.Generation},
		inventory.Secondary{LANIP: netip.MustParseAddr("10.0.1.5"), FloatingIP: netip.MustParseAddr("10.0.1.6")})
	fine(s.t, err)
	return changed
}

// says makes a vSocket report.
func (v *vsocket) says(t *testing.T, side site.Side, change func(*site.Status)) {
	t.Helper()
	s := site.Status{Site: "paris", Side: side, Version: site.Release, Role: site.Standby, HA: site.HAStatus{Configured: true, Ready: true,
		Indicators: []site.Indicator{{Name: status.Keepalive, OK: true}}}, Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true}}
	change(&s)
	raw, err := json.Marshal(s)
	fine(t, err)
	v.Report(raw, true)
}

// status is a site's, without when vSockets were heard.
func (s *served) status(by inventory.Actor, id string) status.Site {
	s.t.Helper()
	now, err := s.presence.Site(s.t.Context(), by.Account, id)
	fine(s.t, err)
	now.Primary.Heard = time.Time{}
	if now.Secondary != nil {
		now.Secondary.Heard = time.Time{}
	}
	return now
}
