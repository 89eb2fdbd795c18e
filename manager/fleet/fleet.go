// Package fleet is the manager's end of the channel: it enrols devices, holds
// their sessions, delivers settings, keeps events, and cuts off what is void.
//
// The database is the truth; what is here is who is connected to this manager,
// and since when. An event is acknowledged once it is committed, so it is sent at
// least once and kept exactly once: its id is its primary key. A session's
// messages are handled in their order; sessions don't wait for one another but
// for the commits of what they have to keep, which they share. Heartbeats never
// wait for the database.
package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// Config is what a Fleet works with.
type Config struct {
	Authority *authority.Authority
	Inventory Inventory
	Events    Events
	Takeovers Takeovers
	Bus       Bus
	Log       *slog.Logger
	Incident  func(Incident) // must not block; nil: nobody is told
	// Known is told of a device after each change of it, of one session in order. It
	// must not block; nil: nobody is told.
	Known func(Device)

	Names []string // of this manager, for its certificate, besides channel.ServerName
	// Certificate is what the port shows; nil: the authority's alone. Devices ask for
	// channel.ServerName, which has to stay the authority's. Protocols are those of
	// the port besides HTTP (ALPN).
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Protocols   []string

	Heartbeat  time.Duration // 0: channel.HeartbeatEvery
	Sweep      time.Duration // how often a session looks for settings that no wake-up told of; 0: 5 minutes
	Sample     time.Duration // how often a device reports though nothing has changed and nobody looks; 0: it doesn't
	Handshakes int           // a second; 0: 300 a core
}

// Fleet is the devices that this manager serves.
type Fleet struct {
	c        Config
	commits  *committer[told]
	notes    *committer[inventory.Note]
	lookers  chan struct{} // has as many as look
	admitted *admission
	serials  *limiter // enrolments, by serial number
	remotes  *limiter // and by address
	answers  answers

	mu       sync.Mutex
	void     map[site.Serial]bool
	devices  map[site.Serial]*device
	live     int           // sessions
	idle     chan struct{} // closed when draining and no session is left
	draining bool
	spread   time.Duration
	stop     []func()
}

// Open reads which serial numbers are void, and is ready to serve.
func Open(ctx context.Context, c Config) (*Fleet, error) {
	c.fillIn()
	f := &Fleet{
		c: c, commits: newCommitter(mostEvents, keepTold(c.Events, c.Takeovers, c.Log)), notes: newCommitter(mostNotes, keepNotes(c.Inventory)),
		lookers: make(chan struct{}, lookers), admitted: newAdmission(c.Handshakes),
		serials: newLimiter(12*time.Second, 5), remotes: newLimiter(100*time.Millisecond, 200),
		void: map[site.Serial]bool{}, devices: map[site.Serial]*device{}, idle: make(chan struct{}),
	}
	stop := c.Bus.Subscribe(f.woken) // before the reading: what is voided from now on is heard
	if err := f.readVoid(ctx); err != nil {
		stop()
		return nil, fmt.Errorf("fleet: %w", err)
	}
	background, cancel := context.WithCancel(context.Background())
	f.stop = append(f.stop, stop, cancel)
	go f.commits.run(background)
	go f.notes.run(background)
	go f.sweep(background)
	return f, nil
}

func (c *Config) fillIn() {
	if c.Heartbeat == 0 {
		c.Heartbeat = channel.HeartbeatEvery
	}
	if c.Sweep == 0 {
		c.Sweep = 5 * time.Minute
	}
	if c.Handshakes == 0 {
		c.Handshakes = 300 * runtime.GOMAXPROCS(0)
	}
	if c.Incident == nil {
		c.Incident = func(Incident) {}
	}
	if c.Known == nil {
		c.Known = func(Device) {}
	}
	if c.Certificate == nil {
		c.Certificate = c.Authority.Server(c.Names...)
	}
}

// Handler serves the channel's calls: mount it at the path.
func (f *Fleet) Handler() (path string, _ http.Handler) {
	path, handler := channel.NewChannelHandler(f, connect.WithReadMaxBytes(channel.MaxMessage), connect.WithCompressMinBytes(4<<10))
	return path, identified(handler)
}

// Drain asks every device to go and come back, to another manager or later,
// within the spread, and waits until all have gone or ctx ends. New sessions are
// refused from now on.
func (f *Fleet) Drain(ctx context.Context, spread time.Duration) error {
	f.mu.Lock()
	if !f.draining {
		f.draining, f.spread = true, spread
		for _, d := range f.devices {
			if d.session != nil {
				d.session.poke()
			}
		}
		if f.live == 0 {
			close(f.idle)
		}
	}
	f.mu.Unlock()
	select {
	case <-f.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("fleet: %d devices haven't gone: %w", f.Sessions(), ctx.Err())
	}
}

// Close cuts all sessions.
func (f *Fleet) Close() {
	f.mu.Lock()
	for _, d := range f.devices {
		if d.session != nil {
			d.session.cut(channel.Refuse(channel.Refusal_DRAINING, "this manager stops"))
		}
	}
	stop := f.stop
	f.stop, f.draining = nil, true
	f.mu.Unlock()
	for _, do := range stop {
		do()
	}
}

// woken acts on a wake-up. A void device is cut off here, in under a second (E9).
func (f *Fleet) woken(w Wake) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, serial := range w.Void {
		f.voided(serial)
	}
	for _, serial := range w.Settings {
		if d := f.devices[serial]; d != nil && d.session != nil {
			d.session.poke()
		}
	}
}

// voided needs the lock.
func (f *Fleet) voided(serial site.Serial) {
	f.void[serial] = true
	if d := f.devices[serial]; d != nil && d.session != nil {
		d.session.cut(refuseVoid(serial))
	}
}

func refuseVoid(serial site.Serial) error {
	return channel.Refuse(channel.Refusal_VOID, fmt.Sprintf("serial number %s is void for ever\nhint: add a secondary socket again and deploy a new vSocket with its new serial number", serial))
}

func (f *Fleet) readVoid(ctx context.Context) error {
	serials, err := f.c.Inventory.VoidSerials(ctx)
	if err != nil {
		return fmt.Errorf("reading which serial numbers are void: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, serial := range serials {
		if !f.void[serial] {
			f.voided(serial)
		}
	}
	return nil
}

// sweep makes wake-ups good that were lost.
func (f *Fleet) sweep(ctx context.Context) {
	ticker := time.NewTicker(f.c.Sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := f.readVoid(ctx); err != nil && !errors.Is(err, context.Canceled) {
			f.c.Log.Warn("the sweep failed", "error", err)
		}
	}
}
