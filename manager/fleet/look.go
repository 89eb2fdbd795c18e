package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/inventory"
)

// look is a session's dealings with the database, beside its sender: however long
// they take, the device hears heartbeats and acknowledgements, and is cut off at
// once. At most one runs at a time, so settings are sent in their order.
type look struct {
	// The sender's.
	running bool
	anew    bool // woken while one ran: what that one has read may be old
	timer   *time.Timer
	found   chan finding

	// The running one's.
	seen  bool // the inventory knows that it was here
	told  bool // and what it has said of itself
	hello *channel.Hello
}

// finding is what one found.
type finding struct {
	present    *channel.Down // the settings; nil: they couldn't be read
	generation uint64        // theirs
	refused    error         // why the session is to end
	again      bool          // the database didn't do something
}

const (
	// again is how long it takes until what the database refused is tried again.
	again = 5 * time.Second
	// lookers read, or change a site, at once: half of SQLite's readers, so that
	// people get their answers while all devices come back.
	lookers = 4
)

// look looks for what is to be done, or does so as soon as the present one is over.
func (s *session) look(ctx context.Context) {
	if s.looks.running {
		s.looks.anew = true
		return
	}
	s.looks.running, s.looks.anew = true, false
	sent := s.sent
	go func() { s.looks.found <- s.find(ctx, sent) }()
}

// looked sends what was found, and sees to the next look: one each sweep, not all
// sessions' at once.
func (s *session) looked(ctx context.Context, f finding) error {
	s.looks.running = false
	switch {
	case s.looks.anew:
		s.look(ctx)
	case f.again:
		s.looks.timer.Reset(again)
	default:
		s.looks.timer.Reset(s.fleet.c.Sweep/2 + rand.N(s.fleet.c.Sweep))
	}
	return s.deliver(f)
}

// deliver sends the settings if the device hasn't got them.
func (s *session) deliver(f finding) error {
	if f.refused != nil || f.present == nil || f.generation == s.sent {
		return f.refused
	}
	s.sent = f.generation
	return s.send(f.present)
}

// find tells the inventory what it doesn't know yet, then reads the settings, which
// may depend on it, if they aren't those that were sent.
func (s *session) find(ctx context.Context, sent uint64) (f finding) {
	f.again = s.failed(ctx, s.tellSeen(ctx))
	select {
	case s.fleet.lookers <- struct{}{}:
		defer func() { <-s.fleet.lookers }()
	case <-ctx.Done():
		return f
	}
	f.again = s.failed(ctx, s.tellLocal(ctx)) || f.again
	present, generation, err := s.present(ctx, sent)
	refused := s.fleet.refused(err)
	switch reason := channel.ReasonOf(refused); {
	case err == nil:
		f.present, f.generation = present, generation
	case reason == channel.Refusal_VOID || reason == channel.Refusal_UNKNOWN:
		f.refused = refused
	default:
		f.again = s.failed(ctx, err)
	}
	return f
}

// failed is whether something failed, which is told unless the session is over.
func (s *session) failed(ctx context.Context, err error) bool {
	if err != nil && ctx.Err() == nil {
		s.fleet.c.Log.Warn("session waits for the database", "serial", s.serial, "error", err)
	}
	return err != nil
}

func (s *session) tellSeen(ctx context.Context) error {
	if s.looks.seen {
		return nil
	}
	err := s.fleet.notes.wait(ctx, inventory.Seen(s.serial, s.version))
	s.looks.seen = err == nil
	return err
}

// tellLocal keeps what the device has said of itself, before it is given anything:
// that may depend on it. What can't be used keeps nobody from his session.
func (s *session) tellLocal(ctx context.Context) error {
	if s.looks.told {
		return nil
	}
	err := s.keepLocal(ctx, s.looks.hello)
	var refusal *inventory.Refusal
	if errors.As(err, &refusal) || errors.Is(err, errUnusable) {
		s.fleet.c.Log.Warn("what a device tells of itself can't be used", "serial", s.serial, "error", err)
		err = nil
	}
	if s.looks.told = err == nil; s.looks.told {
		s.looks.hello = nil // there are many sessions
	}
	return err
}
