// Package channel is the vSocket's end of the channel to the manager: it enrols,
// reports, uploads events, and keeps the last good settings on the disk.
//
// High availability never waits for it: it is a process of its own, and what it
// has on the disk serves for as long as there is no manager. A session that ends
// is resumed by another, after a time drawn at random (full jitter), so that many
// vSockets don't come back at once.
package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// Config is what a Channel works with.
type Config struct {
	Manager string // host:port
	Folder  disk.Folder
	Spool   *spool.Spool
	Version site.Version
	Machine string // the VM's own id
	Log     *slog.Logger
	Dial    Dial
	Retry   time.Duration // the longest bound of the time between two tries; 0: a minute
	// Apply makes the vSocket run with settings. It is called with the last good
	// ones at first, then with each that come; not twice at once.
	Apply func(context.Context, *contract.Settings) error
	Local *contract.Local // what others must be told of this vSocket
	// Void is called when the manager says that this serial number is void.
	Void func()
	// Serve serves a byte stream that the manager has opened, and closes it; nil:
	// this vSocket has no services.
	Serve func(service string, conn net.Conn)
}

func (c *Channel) serve() func(string, net.Conn) {
	if c.c.Serve != nil {
		return c.c.Serve
	}
	return func(_ string, conn net.Conn) { _ = conn.Close() }
}

// Channel is the vSocket's end. Its methods may be called by several goroutines.
type Channel struct {
	c       Config
	tickets tls.ClientSessionCache
	poke    chan struct{} // something is to be said
	apply   chan struct{}

	mu       sync.Mutex
	identity *Identity
	settings *contract.Settings // the last good ones; nil: none
	applied  uint64
	trouble  string // why the last good ones aren't applied
	status   []byte
	changed  bool // since the last report
	state    State
}

// State is how the channel is, for the vSocket's status.
type State struct {
	Serial    site.Serial
	Connected bool
	Since     time.Time // when it became so
	Problem   string    // why it isn't connected
	Refused   contract.Refusal_Reason
	Delivered uint64
	Applied   uint64
	NotAfter  time.Time // of the certificate
}

// Open reads who this vSocket is, and its last good settings.
func Open(c Config) (*Channel, error) {
	if c.Retry == 0 {
		c.Retry = lastBound
	}
	identity, err := line.LoadIdentity(c.Folder)
	if err != nil {
		return nil, err
	}
	settings, err := LoadSettings(c.Folder)
	if err != nil { // the manager has them
		c.Log.Error("the last good settings can't be read", "error", err)
	}
	return &Channel{
		c: c, identity: identity, settings: settings, tickets: tls.NewLRUClientSessionCache(1),
		poke: make(chan struct{}, 1), apply: make(chan struct{}, 1),
		state: State{Since: time.Now()},
	}, nil
}

// Settings are the last good ones; nil if there never were any.
func (c *Channel) Settings() *contract.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings
}

// State tells how the channel is.
func (c *Channel) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.Serial, s.NotAfter, s.Applied, s.Delivered = c.identity.Serial, c.identity.NotAfter, c.applied, c.settings.GetGeneration()
	return s
}

// Report takes the vSocket's status, as JSON. It is sent on if it has changed in a
// way that matters, or if somebody looks. It doesn't block.
func (c *Channel) Report(status []byte, changed bool) {
	c.mu.Lock()
	c.status, c.changed = status, c.changed || changed
	c.mu.Unlock()
	if changed {
		wake(c.poke)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// How long until the next try: drawn between 0 and a bound that doubles.
const (
	firstBound = time.Second
	lastBound  = time.Minute // unless Config says otherwise
	steady     = time.Minute // a session of that length makes the bound small again
)

// hopeless is the bound after a refusal that only a person can end.
const hopeless = time.Hour

// Run holds a session with the manager until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	applying := make(chan struct{})
	go func() {
		defer close(applying)
		c.applyAll(ctx)
	}()
	defer func() { <-applying }()
	bound := firstBound
	for ctx.Err() == nil {
		began := time.Now()
		wait, err := c.session(ctx)
		if time.Since(began) >= steady {
			bound = firstBound
		}
		if wait == 0 {
			wait, bound = c.bound(bound, err), min(2*bound, c.c.Retry)
		}
		c.lost(err)
		if c.c.Void != nil && contract.ReasonOf(err) == contract.Refusal_VOID {
			c.c.Void()
		}
		timer := time.NewTimer(rand.N(wait))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return ctx.Err()
}

func (c *Channel) bound(bound time.Duration, err error) time.Duration {
	switch contract.ReasonOf(err) {
	case contract.Refusal_VOID, contract.Refusal_UNKNOWN, contract.Refusal_UNIDENTIFIED:
		return hopeless
	case contract.Refusal_CLONE:
		return c.c.Retry
	}
	return bound
}

func (c *Channel) lost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	problem := fmt.Sprint(err)
	if c.state.Connected || c.state.Problem != problem {
		c.c.Log.Warn("no session with the manager", "manager", c.c.Manager, "error", err)
	}
	if c.state.Connected {
		c.state.Since = time.Now()
	}
	c.state.Connected, c.state.Problem, c.state.Refused = false, problem, contract.ReasonOf(err)
}

func (c *Channel) found() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Connected, c.state.Since, c.state.Problem, c.state.Refused = true, time.Now(), "", 0
	c.c.Log.Info("session with the manager", "manager", c.c.Manager)
}

// applyAll makes the vSocket run with the latest settings, one after the other.
func (c *Channel) applyAll(ctx context.Context) {
	for {
		if latest := c.Settings(); latest != nil && c.c.Apply != nil {
			err := c.c.Apply(ctx, latest)
			if ctx.Err() != nil {
				return
			}
			c.applyEnded(latest.Generation, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.apply:
		}
	}
}

// Applied is what the vSocket says later of the settings that it runs with, and why
// they aren't the newest: some wait for the other vSocket.
func (c *Channel) Applied(generation uint64, problem string) {
	c.mu.Lock()
	same := c.applied == generation && c.trouble == problem
	c.applied, c.trouble = generation, problem
	c.mu.Unlock()
	if !same {
		wake(c.poke)
	}
}

func (c *Channel) applyEnded(generation uint64, err error) {
	c.mu.Lock()
	if err == nil {
		c.applied, c.trouble = generation, ""
	} else {
		c.trouble = err.Error()
		c.c.Log.Error("settings not applied", "generation", generation, "error", err)
	}
	c.mu.Unlock()
	wake(c.poke)
}

// take makes settings the last good ones: durable first.
func (c *Channel) take(s *contract.Settings) error {
	if s.GetGeneration() == 0 {
		return errors.New("settings without a generation")
	}
	if err := SaveSettings(c.c.Folder, s); err != nil {
		return err
	}
	c.mu.Lock()
	c.settings = s
	c.mu.Unlock()
	wake(c.apply)
	wake(c.poke)
	return nil
}
