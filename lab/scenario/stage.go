package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// stage is what a play acts on. Its waits are all bounded.
type stage struct {
	ctx context.Context
	w   *world.World
	ev  *evidence

	choice    Choice // of crash points
	conductor *conductor
	desk      *world.Desk // of who has set the site up
}

// bound is how long the site may take to come to rest: generous for the
// vSockets, on top of what Azure may take for four writes in a row.
func (s *stage) bound() time.Duration { return Bound(s.w) }

// Bound is how long a lab's site may take to come to rest.
func Bound(w *world.World) time.Duration {
	longest := time.Duration(0)
	for _, write := range w.Profile().Writes {
		longest = max(longest, write.Control.To)
	}
	return 90*time.Second + 4*longest
}

func (s *stage) fault(node, kind string) error { return s.w.Fault(s.ctx, node, kind) }

func (s *stage) heal() error { return s.w.Heal(s.ctx) }

func (s *stage) await(what string, ok func(context.Context) bool) error {
	return s.w.Await(s.ctx, what, s.bound(), ok)
}

// rest waits until the site is at rest with that active.
func (s *stage) rest(active string) error {
	err := s.await("the site is at rest with the "+active+" active", func(ctx context.Context) bool { return s.w.Rest(ctx, active) })
	return s.explain(err)
}

// ready waits until the site is at rest with that active and HA is Ready.
func (s *stage) ready(active string) error {
	err := s.await("HA is Ready with the "+active+" active", func(ctx context.Context) bool { return s.w.Ready(ctx, active) })
	return s.explain(err)
}

// crosses waits until the two sites reach each other.
func (s *stage) crosses() error {
	return s.explain(s.await("vm1 and branch-pc answer each other", s.w.Crosses))
}

// explain adds to a bound that has passed how things stand.
func (s *stage) explain(err error) error {
	if !errors.Is(err, world.ErrTooLate) {
		return err
	}
	look := s.w.Look(context.WithoutCancel(s.ctx))
	text := fmt.Sprintf("floating IP on %q, traffic flowing: %v, Azure at rest: %v", look.FIP, look.Flowing, s.w.Quiet())
	for _, node := range []string{world.Primary, world.Secondary} {
		said := "does not answer"
		if status := look.VSockets[node]; status != nil {
			said = status.Summary
		}
		text += "; " + node + ": " + said
	}
	return fmt.Errorf("%w (%s)", err, text)
}

// pause lets time pass that the scenario's text asks for.
func (s *stage) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// until pauses up to a time after a moment.
func (s *stage) until(since, d time.Duration) error { return s.pause(max(0, since+d-clock.Now())) }

// sees waits until a vSocket's status shows something.
func (s *stage) sees(node, what string, ok func(*site.Status) bool) error {
	err := s.await("the "+node+" shows "+what, func(ctx context.Context) bool {
		status := s.w.Agent(ctx, node)
		return status != nil && ok(status)
	})
	return s.explain(err)
}

// writes waits for an entry of a vSocket's journal since a moment.
func (s *stage) writes(node, what string, since time.Duration) error {
	return s.await("the "+node+" writes \""+what+"\" into its journal", func(context.Context) bool {
		for _, e := range s.w.Journal(node) {
			if e.At >= since && e.What == what {
				return true
			}
		}
		return false
	})
}

// steps runs acts until one fails.
func steps(acts ...func() error) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}
