package scenario

import (
	"context"
	"fmt"
	"slices"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/core/event"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/manager"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

// reports waits until the manager shows something of the site.
func (s *stage) reports(what string, ok func(client.Status) bool) error {
	last := "nothing"
	err := s.await("the manager shows "+what, func(ctx context.Context) bool {
		status, err := s.w.Owner().Status(ctx, s.w.Site())
		if err != nil {
			last = err.Error()
			return false
		}
		last = status.Summary
		return ok(status)
	})
	if err != nil {
		return fmt.Errorf("%w; it shows: %s", s.explain(err), last)
	}
	return nil
}

// isReady: F1, as the manager has it.
func isReady(status client.Status) bool { return status.HA != nil && status.HA.Ready }

// masterIs: F2.
func masterIs(side string) func(client.Status) bool {
	return func(status client.Status) bool { return status.Master == side }
}

// told is an event that the scenario wants of a vSocket.
type told struct {
	node string
	kind event.Kind
}

// absence is a time without a manager: what was told before it, and what waits on
// the vSockets' disks meanwhile.
type absence struct {
	*stage
	before []client.Event
	waits  map[event.ID]event.Event
}

// spooled waits until events of these kinds are on the disks, or had been told
// before.
func (a *absence) spooled(wanted ...told) error {
	return a.await(fmt.Sprintf("%v on the vSockets' disks", wanted), func(context.Context) bool {
		if a.look() != nil {
			return false
		}
		return !slices.ContainsFunc(wanted, func(w told) bool { return !a.has(w) })
	})
}

// look takes down what is on the disks.
func (a *absence) look() error {
	for _, node := range vsockets {
		events, err := a.w.Spooled(node)
		if err != nil {
			return err
		}
		for _, e := range events {
			a.waits[e.ID] = e
		}
	}
	return nil
}

func (a *absence) has(w told) bool {
	for _, e := range a.waits {
		if e.Kind == w.kind && e.Role.String() == w.node {
			return true
		}
	}
	return slices.ContainsFunc(a.before, func(e client.Event) bool { return event.Kind(e.Kind) == w.kind && e.Role == w.node })
}

// caughtUp waits until the manager, which has come back at that moment, keeps each
// event once, and takes down how long that took. What isn't so in the end is judged.
func (a *absence) caughtUp(since time.Duration) error {
	return a.await("the manager has every event", func(ctx context.Context) bool {
		kept, err := a.w.Owner().Events(ctx, a.w.Site())
		if err != nil {
			return false
		}
		a.ev.events = a.tally(kept, clock.Now()-since)
		return a.ev.events.Lost == 0
	})
}

// recount counts once more at the end: nothing may come twice later.
func (a *absence) recount() error {
	kept, err := a.w.Owner().Events(a.ctx, a.w.Site())
	if err == nil {
		took := time.Duration(a.ev.events.CatchUpS * float64(time.Second))
		a.ev.events = a.tally(kept, took)
	}
	return err
}

func (a *absence) tally(kept []client.Event, took time.Duration) *report.Events {
	var waited []event.Event
	var kinds []string
	for _, e := range a.waits {
		waited = append(waited, e)
		kinds = append(kinds, string(e.Kind))
	}
	slices.Sort(kinds)
	count := manager.Count(waited, kept)
	return &report.Events{Total: count.Kept, Spooled: len(waited), Kinds: slices.Compact(kinds), Lost: count.Lost, Twice: count.Twice,
		CatchUpS: took.Round(time.Millisecond).Seconds()}
}

// playManagerDown: the pair fails over as if there were a manager, and tells it
// later. The primary's events wait on the disk of a VM that is gone.
func playManagerDown(s *stage) error {
	a := &absence{stage: s, waits: map[event.ID]event.Event{}}
	var back time.Duration
	return steps(
		func() (err error) { a.before, err = s.w.Owner().Events(s.ctx, s.w.Site()); return err },
		func() error { return s.fault(world.Manager, "kill") },
		func() error {
			return a.spooled(told{world.Primary, event.Connected}, told{world.Secondary, event.PassiveConnected})
		},
		func() error { return s.fault(world.Primary, "crash") },
		func() error { return s.rest(world.Secondary) },
		func() error {
			return a.spooled(told{world.Secondary, event.HANotReady}, told{world.Secondary, event.FailOver})
		},
		func() error { back = clock.Now(); return s.heal() },
		func() error { return s.ready(world.Primary) },
		func() error { return a.caughtUp(back) },
		func() error {
			return s.reports("HA Ready, the primary as Master", both(isReady, masterIs(world.Primary)))
		},
		func() error { return s.pause(calm) },
		a.recount,
	)
}

func both(a, b func(client.Status) bool) func(client.Status) bool {
	return func(status client.Status) bool { return a(status) && b(status) }
}

// exactlyOnce is decision 8's promise: events are made at the vSocket, so that none
// is lost while the manager is down.
const exactlyOnce = "decision 8: the manager keeps each event, once"

func checkManagerDown(ev *evidence) (list []finding) {
	e := ev.events
	if e == nil {
		return []finding{{exactlyOnce, ev.end(), "the events were never compared"}}
	}
	if e.Lost > 0 {
		list = append(list, finding{exactlyOnce, ev.end(), fmt.Sprintf("%d of %d events that waited on the vSockets' disks are not at the manager", e.Lost, e.Spooled)})
	}
	if e.Twice > 0 {
		list = append(list, finding{exactlyOnce, ev.end(), fmt.Sprintf("%d events are at the manager more than once", e.Twice)})
	}
	if _, ok := ev.faultAt(world.Manager, "kill"); !ok || !slices.Contains(e.Kinds, string(event.FailOver)) {
		list = append(list, fail(ev.Zero, "no fail-over was told without a manager: the scenario proves nothing")...)
	}
	return list
}
