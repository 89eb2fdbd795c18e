// Package bus carries wake-ups between the managers that serve together on one
// database. It may lose some: each manager sweeps the database, at intervals and
// whenever it couldn't hear for a while, and makes good what it has missed.
//
// Its own wake-ups a manager gets at once, without the carrier, so one that can
// neither send nor hear still serves its own people and devices.
package bus

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/pause"
)

// Carrier takes messages to all managers.
type Carrier interface {
	// Send returns once the message is on its way; it may be lost yet.
	Send(ctx context.Context, message []byte) error
	// Receive calls take with each message, the sender's own too, until ctx ends or
	// it can't hear any more. It calls ready when it hears all that is sent from
	// then on. take doesn't block.
	Receive(ctx context.Context, ready func(), take func(message []byte)) error
	// Most is how long a message may be.
	Most() int
}

// Config is what a Bus works with.
type Config struct {
	Carrier Carrier
	// Missed reads from the database what has changed since.
	Missed func(ctx context.Context, since time.Time) (fleet.Wake, error)
	Every  time.Duration // between sweeps, drawn from 3/4 to 5/4 of it; 0: 30 s
	Log    *slog.Logger
}

// skew is by how much managers' clocks may differ; what is swept twice for it
// costs a look each.
const skew = 2 * time.Minute

// Bus is a fleet.Bus over a carrier.
type Bus struct {
	c     Config
	self  string
	local fleet.LocalBus
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	pending fleet.Wake    // to be sent
	send    chan struct{} // there is something pending
	sweep   chan struct{} // a sweep is wanted at once
	deaf    bool          // it has been, since the last ready
}

var _ fleet.Bus = (*Bus)(nil)

// Open begins to carry.
func Open(c Config) *Bus {
	if c.Every == 0 {
		c.Every = 30 * time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Bus{c: c, self: uuid.NewString(), stop: stop, send: make(chan struct{}, 1), sweep: make(chan struct{}, 1)}
	for _, run := range []func(context.Context){b.sending, b.receiving, b.sweeping} {
		b.done.Go(func() { run(ctx) })
	}
	return b
}

// Close ends it; what isn't sent by then isn't.
func (b *Bus) Close() error {
	b.stop()
	b.done.Wait()
	return nil
}

// Publish wakes this manager before it returns, and the others soon.
func (b *Bus) Publish(w fleet.Wake) {
	b.local.Publish(w)
	b.mu.Lock()
	b.pending = merged(b.pending, w)
	b.mu.Unlock()
	signal(b.send)
}

// Subscribe calls do with each wake-up, from wherever it comes.
func (b *Bus) Subscribe(do func(fleet.Wake)) (stop func()) { return b.local.Subscribe(do) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sending sends what is pending, in one message however much it is: so a carrier
// that is slow gets fewer and not more behind.
func (b *Bus) sending(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.send:
		}
		b.mu.Lock()
		w := b.pending
		b.pending = fleet.Wake{}
		b.mu.Unlock()
		message := encode(b.self, w, b.c.Carrier.Most())
		// Who doesn't get it sweeps: it is tried for a while, not for ever.
		err := retry(ctx, 5, func() error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return b.c.Carrier.Send(ctx, message)
		})
		if err != nil && ctx.Err() == nil {
			b.c.Log.Warn("other managers aren't woken; they look by themselves", slog.Any("reason", err))
		}
	}
}

// receiving hears the others, for as long as ctx lasts.
func (b *Bus) receiving(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		err := b.c.Carrier.Receive(ctx, func() {
			wait = firstWait
			if b.deaf {
				b.c.Log.Info("other managers are heard again")
			}
			b.deaf = false
			b.lost() // what was said before this
		}, b.take)
		if ctx.Err() != nil {
			return
		}
		if !b.deaf {
			b.c.Log.Warn("other managers aren't heard; the database is swept instead", slog.Any("reason", err))
		}
		b.deaf = true
		if pause.For(ctx, rand.N(wait)) != nil {
			return
		}
		wait = min(2*wait, lastWait)
	}
}

func (b *Bus) take(message []byte) {
	m, err := decode(message)
	switch {
	case err != nil: // another release says more than this one understands
		b.lost()
	case m.From == b.self:
	case m.Wake.Lost:
		b.lost()
	default:
		b.local.Publish(m.Wake)
	}
}

// lost has the database swept, and wakes who waits for what a sweep doesn't find.
func (b *Bus) lost() {
	b.local.Publish(fleet.Wake{Lost: true})
	signal(b.sweep)
}

func (b *Bus) sweeping(ctx context.Context) {
	last := time.Now()
	for {
		timer := time.NewTimer(b.c.Every*3/4 + rand.N(b.c.Every/2))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-b.sweep:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		missed, err := b.c.Missed(ctx, last.Add(-skew))
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				b.c.Log.Warn("the sweep failed", slog.Any("reason", err))
			}
			continue // last stays: the next one looks as far back
		}
		last = began
		if len(missed.Settings)+len(missed.Void) > 0 {
			b.local.Publish(missed)
		}
	}
}

// Between tries.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

func retry(ctx context.Context, tries int, do func() error) error {
	wait := firstWait
	for i := 1; ; i++ {
		err := do()
		if err == nil || i == tries {
			return err
		}
		if err := pause.For(ctx, rand.N(wait)); err != nil {
			return err
		}
		wait = min(2*wait, lastWait)
	}
}
