package events

import (
	"context"
	"sync"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store/query"
)

// own is the manager's part as a maker of events: those that a vSocket can't know.
type own struct {
	boot string

	mu     sync.Mutex
	number uint64
	told   map[string]time.Time // when, by serial, kind and reason
}

// again is how long the same of the same vSocket isn't told again: a void one
// tries to connect every few seconds, for ever.
const again = 10 * time.Minute

// mostTold bounds what is remembered of it.
const mostTold = 10_000

// Sighting is what the manager has seen of a vSocket.
type Sighting struct {
	Serial  string
	Kind    event.Kind // OutOfSight, Refused
	Reason  string
	Message string
}

// Tell keeps an event that the manager makes. It is none if the serial number was
// never given out, or if the same was told within the last 10 minutes.
func (k *Keeper) Tell(ctx context.Context, s Sighting) error {
	o, known, err := k.originOf(ctx, s.Serial)
	if err != nil || !known {
		return err
	}
	now := k.now()
	n := k.own.next(s, now)
	if n == 0 {
		return nil
	}
	e := event.Told(event.ID{Serial: s.Serial, Boot: k.own.boot, Number: n}, s.Kind, now, o.side, s.Reason, s.Message)
	if err := e.Check(); err != nil {
		return err
	}
	if _, err = k.put(ctx, []query.Event{rowOf(o, &e, now)}); err != nil {
		k.own.forget(s)
	}
	return err
}

func (s *Sighting) key() string { return s.Serial + " " + string(s.Kind) + " " + s.Reason }

// forget makes what wasn't kept new again.
func (w *own) forget(s Sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.told, s.key())
}

// next is the event's number, 0 if it isn't to be told.
func (w *own) next(s Sighting, now time.Time) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, told := w.told[s.key()]; told && now.Sub(at) < again {
		return 0
	}
	if w.told == nil || len(w.told) >= mostTold {
		w.told = map[string]time.Time{}
	}
	w.told[s.key()] = now
	w.number++
	return w.number
}
