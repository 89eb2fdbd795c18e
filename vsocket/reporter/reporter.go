// Package reporter turns what the agent says of itself, each second and whenever it
// has done something, into what the manager is told: the status when it has changed
// in a way that matters, events, which are on the disk before anything else is done
// with them, and what the journal has of each takeover. It runs beside the channel,
// in a process that can't delay a keepalive.
package reporter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// Interval is between two looks at the agent.
const Interval = time.Second

// memoryFile is what one life of the maker leaves to the next.
const memoryFile = "events.json"

// Sink is the channel to the manager.
type Sink interface {
	// Report takes the status as JSON, and whether it has changed in a way that matters.
	Report(status []byte, changed bool)
}

// Config is what a Reporter works with.
type Config struct {
	Self   event.Self
	Limits event.Thresholds
	Folder disk.Folder // for what must outlive this life
	Spool  *spool.Spool
	Sink   Sink
	Log    *slog.Logger
	// Status asks the agent. It fails while none runs.
	Status func(context.Context) (site.Status, error)
	// Stirred says that the agent has done something: it is looked at at once. Nil: only
	// each second.
	Stirred <-chan struct{}
	// Journal reads the agent's from then on; nil: nobody is told of takeovers.
	Journal func(ctx context.Context, since time.Time) ([]site.Entry, error)
	// Assigned is what the vSocket runs with of the manager's.
	Assigned func(*site.Status) event.Assigned
	// Now is the time: the clock that never jumps, and the one that people read.
	Now func() event.Now
}

// Reporter looks at one agent.
type Reporter struct {
	c      Config
	maker  *event.Maker
	memory event.Memory // as it is on the disk
	told   gist
	silent bool // the last look found no agent

	takeovers takeovers
}

// New reads what the last life has left.
func New(c Config) (*Reporter, error) {
	var memory event.Memory
	raw, err := c.Folder.Read(memoryFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("what was told last: %w", err)
	default:
		if err := json.Unmarshal(raw, &memory); err != nil { // at worst something is told twice
			c.Log.Error("what was told last can't be read", "error", err)
		}
	}
	r := &Reporter{c: c, maker: event.New(c.Self, c.Limits, memory), memory: memory}
	return r, r.readTold()
}

// Run looks, each second and when the agent stirs, until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		if err := r.Look(ctx); err != nil && ctx.Err() == nil {
			r.c.Log.Error("an event was not kept", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.c.Stirred:
		}
	}
}

// Look asks the agent once. Its error says that events were not kept.
func (r *Reporter) Look(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, Interval)
	defer cancel()
	status, err := r.c.Status(asking)
	if silent := err != nil; silent != r.silent {
		r.silent = silent
		r.c.Log.Info("the agent", "answers", !silent, "error", err)
	}
	if err != nil {
		return nil
	}
	reading, err := event.Read(&status, r.c.Assigned(&status))
	if err != nil {
		return fmt.Errorf("the agent's status: %w", err)
	}
	kept := r.keep(r.maker.Step(r.c.Now(), reading))
	raw, err := json.Marshal(&status)
	if err != nil {
		return err
	}
	now := gistOf(&status)
	r.c.Sink.Report(raw, now != r.told)
	r.told = now
	return errors.Join(kept, r.tellTakeovers(ctx, &status))
}

// keep spools events, then what has been told: an event may be told twice after a
// crash between the two, and never not at all.
func (r *Reporter) keep(events []event.Event) error {
	var failed error
	for _, e := range events {
		raw, err := event.Encode(e)
		if err == nil {
			_, err = r.c.Spool.Append(classOf(e.Kind), raw)
		}
		failed = errors.Join(failed, err)
	}
	if memory := r.maker.Memory(); memory != r.memory {
		raw, err := json.Marshal(memory)
		if err == nil {
			err = disk.Replace(r.c.Folder, memoryFile, raw)
		}
		if err != nil {
			return errors.Join(failed, err)
		}
		r.memory = memory
	}
	return failed
}

func classOf(kind event.Kind) spool.Class {
	if kind.HA() {
		return spool.HA
	}
	return spool.Plain
}

// gist is what of a status matters at once; its figures can wait for somebody
// who looks.
type gist struct {
	version           site.Version
	role              site.Role
	term              site.Term
	master, fit       bool
	ready, configured bool
	broken            [8]bool // indicators, in their order
	heard             bool
	fip               string
	azure             bool
	cloud             bool
	pop               string
	settings          site.SettingsStatus
	change            string // of the floating IP
}

func gistOf(s *site.Status) gist {
	g := gist{version: s.Version, role: s.Role, term: s.Term, master: s.Master, fit: s.Fit, ready: s.HA.Ready,
		configured: s.HA.Configured, heard: s.Peer.Heard, fip: s.FIP.On, azure: s.Azure.OK}
	for i, indicator := range s.HA.Indicators {
		g.broken[i%len(g.broken)] = g.broken[i%len(g.broken)] || !indicator.OK
	}
	if c := s.FIP.Change; c != nil {
		g.change = fmt.Sprint(c.Step, c.Problem, c.Routes, c.Unread, c.Denied)
	}
	_, g.cloud, _ = s.Cloud()
	if s.Settings != nil {
		g.settings = *s.Settings
	}
	if s.Tunnel != nil {
		g.pop = s.Tunnel.PoP
	}
	return g
}
