// Package channel is the PoP's end of the channel to the manager: it tells where the
// PoP is, keeps the last good settings on the disk, and reports how far the PoP has
// come with them.
//
// It is a process of its own. The PoP reads the settings from the disk, and serves
// what is there for as long as there is no manager.
package channel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/site"
)

// Folder is where the identity and the last good settings are, in the PoP's state
// directory.
func Folder(stateDir string) string { return filepath.Join(stateDir, "manager") }

// settingsFile has the last good settings.
const settingsFile = "settings"

// mostSettings is how many bytes the settings may have: some 200,000 sites.
const mostSettings = 64 << 20

// Read reads the last good settings out of a state directory, which another process
// may be writing; nil if there are none.
func Read(stateDir string) (*contract.PoPSettings, error) {
	raw, err := os.ReadFile(filepath.Join(Folder(stateDir), settingsFile))
	return decode(raw, err)
}

func decode(raw []byte, err error) (*contract.PoPSettings, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s := &contract.PoPSettings{}
	if err == nil {
		err = line.Decode(raw, s)
	}
	if err != nil {
		return nil, fmt.Errorf("the last good settings: %w", err)
	}
	return s, nil
}

// PoP is the running one. *control.Client is one.
type PoP interface {
	Settings(context.Context) (control.Settings, error)
	ReadSettings(context.Context) (control.Settings, error) // makes it read them anew first
}

var _ PoP = (*control.Client)(nil)

// Config is what a Channel works with.
type Config struct {
	Manager string // host:port
	Folder  disk.Folder
	Local   *contract.LocalPoP
	PoP     PoP
	Version site.Version
	Machine string // the VM's own id
	Log     *slog.Logger
	Dial    line.Dial
	Look    time.Duration // how often the PoP is asked; 0: 2 s
}

// Channel is the PoP's end.
type Channel struct {
	c     Config
	line  *line.Line
	fresh chan struct{} // settings
	asked uint64        // generation that the PoP was told to read last; the watcher's own

	mu       sync.Mutex
	settings *contract.PoPSettings // the last good ones; nil: none
	applied  control.Settings
	told     *contract.Applied // what was said last; nil: nothing in this session
}

var _ line.Device = (*Channel)(nil)

// Open reads who this PoP is, and its last good settings.
func Open(c Config) (_ *Channel, err error) {
	if c.Look == 0 {
		c.Look = 2 * time.Second
	}
	ch := &Channel{c: c, fresh: make(chan struct{}, 1)}
	ch.line, err = line.Open(line.Config{Manager: c.Manager, Folder: c.Folder, Device: ch, Log: c.Log, Dial: c.Dial, Most: mostSettings})
	if err != nil {
		return nil, err
	}
	raw, err := c.Folder.Read(settingsFile)
	if ch.settings, err = decode(raw, err); err != nil { // the manager has them
		c.Log.Error("what is on the disk can't be used", "error", err)
	}
	return ch, nil
}

// State tells how the channel is.
func (c *Channel) State() line.State { return c.line.State() }

// Run talks to the manager until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { c.watch(ctx) })
	return c.line.Run(ctx)
}

// Begin begins a session.
func (c *Channel) Begin(context.Context, line.Turn) *contract.Hello {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = nil
	return &contract.Hello{Version: c.c.Version.String(), Machine: c.c.Machine,
		Delivered: c.settings.GetGeneration(), Applied: c.applied.Generation, Pop: c.c.Local}
}

// Hear keeps settings: durable first.
func (c *Channel) Hear(m *contract.Down, send line.Send) error {
	s := m.GetPopSettings()
	if s == nil {
		return nil
	}
	if s.GetGeneration() == 0 {
		return errors.New("settings without a generation")
	}
	if err := line.Keep(c.c.Folder, settingsFile, s); err != nil {
		return err
	}
	c.mu.Lock()
	c.settings = s
	c.mu.Unlock()
	select {
	case c.fresh <- struct{}{}:
	default:
	}
	return c.Tell(send)
}

// Beat has nothing to look at.
func (*Channel) Beat(line.Send) error { return nil }

// Over leaves nothing behind.
func (*Channel) Over(error) {}

// Tell says how far the settings have come, if that is news.
func (c *Channel) Tell(send line.Send) error {
	c.mu.Lock()
	now := &contract.Applied{Delivered: c.settings.GetGeneration(), Applied: c.applied.Generation, Problem: c.applied.Problem}
	news := c.told == nil || c.told.Delivered != now.Delivered || c.told.Applied != now.Applied || c.told.Problem != now.Problem
	c.told = now
	c.mu.Unlock()
	if !news {
		return nil
	}
	return send(&contract.Up{Message: &contract.Up_Applied{Applied: now}})
}

// watch makes the PoP read settings that are new, and looks what it runs with: it may
// have been started meanwhile.
func (c *Channel) watch(ctx context.Context) {
	ticker := time.NewTicker(c.c.Look)
	defer ticker.Stop()
	for {
		c.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-c.fresh:
		case <-ticker.C:
		}
	}
}

func (c *Channel) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c.mu.Lock()
	wanted, before := c.settings.GetGeneration(), c.applied
	c.mu.Unlock()
	now, err := c.c.PoP.Settings(ctx)
	if err == nil && now.Tried != wanted && c.asked != wanted {
		if now, err = c.c.PoP.ReadSettings(ctx); err == nil {
			c.asked = wanted // once: a PoP that starts reads them itself
		}
	}
	if err != nil {
		said, _, _ := strings.Cut(err.Error(), "\n")
		now = control.Settings{Problem: said} // and no generation, until it runs again
	}
	if now == before || ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	c.applied = now
	c.mu.Unlock()
	c.line.Poke()
}
