package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/memnet"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/spool"
)

var quiet = slog.New(slog.DiscardHandler)

// shelf is an inventory and a keeper of events in memory.
type shelf struct {
	mu         sync.Mutex
	keys       map[site.Serial]*enrolment
	generation uint64
	void       []site.Serial
	seen       map[site.Serial]int
	delivered  map[site.Serial]uint64
	applied    map[site.Serial]uint64
	told       map[site.Serial]inventory.Local
	popTold    map[site.Serial]inventory.LocalPoP
	noPoPs     bool           // all serial numbers are vSockets'
	events     map[string]int // by id and body: how often it was new
	takeovers  []string       // as they came
	broken     bool           // nothing can be kept
	commits    int
	slow       time.Duration // each call of the inventory; those that write come one after the other
	stuck      time.Duration // each keeping of events
	turn       chan struct{}
}

type enrolment struct {
	secret [20]byte
	kind   inventory.Kind // refuses with it
	hash   string
}

func newShelf() *shelf {
	return &shelf{turn: make(chan struct{}, 1), keys: map[site.Serial]*enrolment{}, generation: 1, seen: map[site.Serial]int{},
		delivered: map[site.Serial]uint64{}, applied: map[site.Serial]uint64{},
		told: map[site.Serial]inventory.Local{}, popTold: map[site.Serial]inventory.LocalPoP{}, events: map[string]int{}}
}

func (s *shelf) Redeem(_ context.Context, serial site.Serial, secret [20]byte, hash string) (inventory.VSocket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(kind inventory.Kind) (inventory.VSocket, error) {
		return inventory.VSocket{}, &inventory.Refusal{Kind: kind, Message: "refused: " + string(kind)}
	}
	k := s.keys[serial]
	switch {
	case k == nil:
		return refuse(inventory.Unknown)
	case k.kind != "":
		return refuse(k.kind)
	case k.secret != secret:
		return refuse(inventory.BadKey)
	case k.hash != "" && k.hash != hash:
		return refuse(inventory.Used)
	}
	k.hash = hash
	return inventory.VSocket{Serial: serial}, nil
}

// reads is as slow as it is told to be.
func (s *shelf) reads(ctx context.Context) error {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	return lasting(ctx, slow)
}

// writes is too, and one after the other.
func (s *shelf) writes(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.reads(ctx)
}

func lasting(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shelf) Generation(ctx context.Context, _ site.Serial, _ bool) (uint64, error) {
	if err := s.reads(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation, nil
}

func (s *shelf) Settings(ctx context.Context, serial site.Serial) (inventory.Settings, error) {
	if err := s.reads(ctx); err != nil {
		return inventory.Settings{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return inventory.Settings{
		SiteName: "paris", Serial: serial, Side: site.Secondary, Generation: s.generation,
		Native: inventory.Native{Prefix: netip.MustParsePrefix("10.0.0.0/24"), LocalIP: netip.MustParseAddr("10.0.0.9")},
		LANIP:  netip.MustParseAddr("10.0.0.5"),
		HA:     &inventory.PeerSettings{FloatingIP: netip.MustParseAddr("10.0.0.9"), PeerIP: netip.MustParseAddr("10.0.0.4"), Key: []byte("k")},
	}, nil
}

func (s *shelf) Note(ctx context.Context, notes ...inventory.Note) error {
	if err := s.writes(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range notes {
		if n.Version != nil {
			s.seen[n.Serial]++
		}
		if p := n.Progress; p != nil {
			s.delivered[n.Serial], s.applied[n.Serial] = p.Delivered, p.Applied
		}
	}
	return nil
}

func (s *shelf) Told(ctx context.Context, serial site.Serial, l inventory.Local) error {
	if err := s.writes(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[serial] = l
	return nil
}

func (s *shelf) PoPTold(_ context.Context, serial site.Serial, l inventory.LocalPoP) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noPoPs {
		return &inventory.Refusal{Kind: inventory.Unknown, Message: "no PoP's"}
	}
	s.popTold[serial] = l
	return nil
}

func (s *shelf) PoPSettings(_ context.Context, serial site.Serial) (inventory.PoPSettings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.popTold[serial]; !is {
		return inventory.PoPSettings{}, &inventory.Refusal{Kind: inventory.Unknown, Message: "no PoP's"}
	}
	return inventory.PoPSettings{Name: "pop1", Generation: s.generation, Sites: []inventory.PoPSite{
		{Number: 7, Name: "paris", Ranges: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}}}, nil
}

func (s *shelf) VoidSerials(context.Context) ([]site.Serial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.void, nil
}

func (s *shelf) Keep(ctx context.Context, sent []events.Sent) (events.Result, error) {
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if err := lasting(ctx, stuck); err != nil {
		return events.Result{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return events.Result{}, errors.New("the database is away")
	}
	s.commits++
	for _, e := range sent {
		if bytes.Contains(e.Body, []byte("poison")) {
			return events.Result{}, errors.New("poisoned")
		}
	}
	for _, e := range sent {
		s.events[fmt.Sprintf("%s/%s/%d %s", e.Serial, e.Boot, e.Number, e.Body)] = 1
	}
	return events.Result{}, nil
}

func (s *shelf) do(change func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// world is a manager and its vSockets in one process, under a fake clock.
type world struct {
	t         *testing.T
	shelf     *shelf
	net       *memnet.Net
	bus       *fleet.LocalBus
	fleet     *fleet.Fleet
	authority *authority.Authority
	server    *http.Server
	mu        sync.Mutex
	incidents []fleet.Incident
	dials     int
	stops     []func()
}

// inWorld runs a story; all that it starts has ended when it returns.
func inWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, err := authority.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, shelf: newShelf(), net: memnet.New(), bus: &fleet.LocalBus{}, authority: a}
		w.start()
		defer func() {
			for _, stop := range w.stops {
				stop()
			}
			w.stop()
		}()
		story(t, w)
	})
}

func (w *world) start() {
	w.t.Helper()
	f, err := fleet.Open(w.t.Context(), fleet.Config{
		Authority: w.authority, Inventory: w.shelf, Events: w.shelf, Takeovers: stories{w.shelf}, Bus: w.bus, Log: quiet,
		Incident: func(i fleet.Incident) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.incidents = append(w.incidents, i)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(f.Handler())
	config, err := f.TLS()
	if err != nil {
		w.t.Fatal(err)
	}
	w.fleet, w.server = f, fleet.Server(mux, config, quiet)
	server := w.server
	go func() { _ = server.ServeTLS(w.net.Listen(), "", "") }()
}

// stop ends the manager at once.
func (w *world) stop() {
	w.fleet.Close()
	_ = w.server.Close()
	w.net.Cut()
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials++
	w.mu.Unlock()
	return w.net.Dial(ctx, network, address)
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dials
}

func (w *world) kinds() (kinds []fleet.IncidentKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range w.incidents {
		kinds = append(kinds, i.Kind)
	}
	return kinds
}

// key prints an enrolment key for the nth serial number.
func (w *world) key(n uint64) site.EnrolKey {
	serial := site.MakeSerial(n)
	k := site.EnrolKey{Serial: serial, Fingerprint: w.authority.Fingerprint(), Secret: [20]byte{byte(n), 1}}
	w.shelf.do(func(s *shelf) { s.keys[serial] = &enrolment{secret: k.Secret} })
	return k
}

// vsocket is one of the devices.
type vsocket struct {
	*channel.Channel
	w       *world
	serial  site.Serial
	folder  *power.Folder
	spool   *spool.Spool
	machine string
	boot    uint64
	applies []uint64
	fail    error
	serve   func(string, net.Conn)
	stop    func()
}

func (w *world) enrolled(n uint64) *vsocket {
	w.t.Helper()
	v := &vsocket{w: w, serial: site.MakeSerial(n), folder: power.New(), machine: fmt.Sprint("vm", n), boot: n << 32, stop: func() {}}
	if _, err := channel.Enrol(w.t.Context(), "manager:443", w.dial, v.folder, w.key(n)); err != nil {
		w.t.Fatal(err)
	}
	return v
}

// run starts a life of the vSocket.
func (v *vsocket) run() *vsocket {
	v.w.t.Helper()
	v.boot++
	var err error
	if v.spool, err = spool.Open(v.folder, spool.Options{Boot: v.boot}); err != nil {
		v.w.t.Fatal(err)
	}
	v.Channel, err = channel.Open(channel.Config{
		Manager: "manager:443", Folder: v.folder, Spool: v.spool, Version: site.Release, Machine: v.machine, Log: quiet, Dial: v.w.dial, Serve: v.serve,
		Apply: func(_ context.Context, s *contract.Settings) error {
			v.w.mu.Lock()
			defer v.w.mu.Unlock()
			v.applies = append(v.applies, s.Generation)
			return v.fail
		},
	})
	if err != nil {
		v.w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func(c *channel.Channel) {
		defer close(over)
		_ = c.Run(ctx)
	}(v.Channel)
	v.stop = sync.OnceFunc(func() {
		cancel()
		<-over
	})
	v.w.stops = append(v.w.stops, v.stop)
	return v
}

// after lets fake time pass.
func after(d time.Duration) { <-time.After(d) }

// until lets fake time pass until something holds, and fails after so long.
func (w *world) until(within time.Duration, what string, holds func() bool) time.Duration {
	w.t.Helper()
	start := time.Now()
	for {
		synctest.Wait()
		if holds() {
			return time.Since(start)
		}
		if time.Since(start) > within {
			w.t.Fatalf("not within %s: %s", within, what)
		}
		after(10 * time.Millisecond)
	}
}

func (v *vsocket) connected() bool { return v.State().Connected }
