// Package channel is the vSocket's end of the channel to the manager: it enrols,
// reports, uploads events, and keeps the last good settings on the disk.
//
// High availability never waits for it: it is a process of its own, and what it
// has on the disk serves for as long as there is no manager.
package channel

import (
	"context"
	"errors"
	"log/slog"
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
	line    *line.Line
	apply   chan struct{}
	session *session // the line's own

	mu       sync.Mutex
	settings *contract.Settings // the last good ones; nil: none
	applied  uint64
	trouble  string // why the last good ones aren't applied
	status   []byte
	changed  bool // since the last report
}

// State is how the channel is, for the vSocket's status.
type State struct {
	line.State
	Delivered uint64
	Applied   uint64
}

// Open reads who this vSocket is, and its last good settings.
func Open(c Config) (_ *Channel, err error) {
	ch := &Channel{c: c, apply: make(chan struct{}, 1)}
	ch.line, err = line.Open(line.Config{Manager: c.Manager, Folder: c.Folder, Device: device{ch}, Log: c.Log, Dial: c.Dial, Retry: c.Retry})
	if err != nil {
		return nil, err
	}
	if ch.settings, err = LoadSettings(c.Folder); err != nil { // the manager has them
		c.Log.Error("the last good settings can't be read", "error", err)
	}
	return ch, nil
}

// Settings are the last good ones; nil if there never were any.
func (c *Channel) Settings() *contract.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings
}

// State tells how the channel is.
func (c *Channel) State() State {
	s := State{State: c.line.State()}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Applied, s.Delivered = c.applied, c.settings.GetGeneration()
	return s
}

// Report takes the vSocket's status, as JSON. It is sent on if it has changed in a
// way that matters, or if somebody looks. It doesn't block.
func (c *Channel) Report(status []byte, changed bool) {
	c.mu.Lock()
	c.status, c.changed = status, c.changed || changed
	c.mu.Unlock()
	if changed {
		c.line.Poke()
	}
}

// Run holds a session with the manager until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	var applying sync.WaitGroup
	defer applying.Wait()
	applying.Go(func() { c.applyAll(ctx) })
	return c.line.Run(ctx)
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
		c.line.Poke()
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
	c.line.Poke()
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
	select {
	case c.apply <- struct{}{}:
	default:
	}
	return nil
}
