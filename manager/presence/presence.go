// Package presence keeps, in the database, which vSockets are connected to which
// manager and what they said last, and each site's status as it was judged from
// that. So a site's status, and since when it is so, is the same whichever manager
// is asked, and outlives them all.
//
// It is written when something that matters changes, and not with each heartbeat:
// a manager says every ten seconds that it lives, and while it does its connected
// vSockets are heard. One that stops saying so is buried by any other, or by its
// next life: its vSockets were heard last when it was.
//
// A site is judged in the transaction that writes what is new of it, one at a time
// over all managers, so each change of a status happens once.
package presence

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
)

// Config is what a Service works with.
type Config struct {
	Store   *store.Store
	Manager string           // id of this life of the manager
	Now     func() time.Time // nil: the clock. Managers' clocks agree to some seconds
	Log     *slog.Logger
	// Changed is told which sites have another status now, by this manager's doing.
	// It must not block; nil: nobody is told.
	Changed func(sites []string)
	// Lost is told of a vSocket that was connected and isn't heard any more. The same
	// may be told twice, even by two managers. nil: nobody is told.
	Lost func(context.Context, Lost) error
}

// Lost is a vSocket that isn't heard any more.
type Lost struct {
	Serial string
	Heard  time.Time // last
}

// Said is what this manager has of a vSocket.
type Said struct {
	Serial    site.Serial
	Since     time.Time // when its session began
	Connected bool
	Heard     time.Time
	At        time.Time    // when Status came
	Status    *site.Status // nil: none yet
	Raw       []byte       // Status in JSON; it isn't changed after
}

// Service keeps it.
type Service struct {
	c    Config
	stop context.CancelFunc
	done sync.WaitGroup

	batch   sync.Mutex // one is written
	mu      sync.Mutex
	known   map[site.Serial]*known
	pending map[site.Serial]bool // of known, those to be written
	fresh   chan struct{}        // there is something pending
	beats   beats
	watches watches
}

// known is a vSocket as it was noted last.
type known struct {
	said    Said
	gist    status.Gist
	noted   time.Time // when that gist was
	session time.Time // the session for which it was
}

const (
	beatEvery = 10 * time.Second
	deadAfter = 60 * time.Second // managers that didn't beat for so long are dead
	dueEvery  = 2 * time.Second
	// wordsEvery is how often reasons alone are written: numbers may run in them.
	wordsEvery = time.Minute
	// mostInTx changes are some 50 ms of SQLite's one writer.
	mostInTx = 64
)

// Open begins to keep.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Changed == nil {
		c.Changed = func([]string) {}
	}
	if c.Lost == nil {
		c.Lost = func(context.Context, Lost) error { return nil }
	}
	s := &Service{c: c, known: map[site.Serial]*known{}, pending: map[site.Serial]bool{}, fresh: make(chan struct{}, 1)}
	if err := s.beat(ctx); err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.writing(background) })
	s.done.Go(func() { every(background, beatEvery, "saying that this manager lives", c.Log, s.beat) })
	s.done.Go(func() { every(background, dueEvery, "judging sites anew", c.Log, s.judgeDue) })
	return s, nil
}

// Close writes what is to be written yet. What was connected to this manager by
// then is soon noted as gone by another, or by its next life.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		more, err := s.write(ctx)
		if err != nil {
			return fmt.Errorf("presence: %w", err)
		}
		if !more {
			return s.leave(ctx)
		}
	}
}

// Note takes what is known of a vSocket now. It doesn't block.
func (s *Service) Note(said Said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, gist := s.c.Now(), status.GistOf(said.Status)
	k := s.known[said.Serial]
	if k == nil {
		k = &known{}
		s.known[said.Serial] = k
	}
	if said.Since.Before(k.session) {
		return // of a session that another has taken the place of
	}
	same := k.session.Equal(said.Since) && k.said.Connected == said.Connected && k.gist.Facts == gist.Facts &&
		(k.gist.Words == gist.Words || now.Sub(k.noted) < wordsEvery)
	said.Status = nil // there are many vSockets, and Raw has it
	k.said = said
	if same {
		return
	}
	k.gist, k.noted, k.session = gist, now, said.Since
	s.pending[said.Serial] = true
	signal(s.fresh)
}

// again has all of this manager's vSockets written anew.
func (s *Service) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for serial, k := range s.known {
		if k.said.Connected {
			s.pending[serial] = true
		}
	}
	signal(s.fresh)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// every does something at intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, what string, log *slog.Logger, do func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			log.Warn("the database doesn't take it; tried again", slog.String("what", what), slog.Any("reason", err))
		}
	}
}
