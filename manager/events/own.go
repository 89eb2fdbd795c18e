package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store/query"
)

// own is the manager's part as a maker of events: those that a vSocket can't know.
type own struct {
	mu   sync.Mutex
	told map[string]time.Time // when, by serial, kind and reason
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
	// Once makes it an event for ever: what has the same number, kind and reason is
	// the same sighting, told by whichever manager, however often. 0: what is told
	// within 10 minutes, by whichever manager, is the same.
	Once uint64
}

// Tell keeps an event that the manager makes. It is none if the serial number was
// never given out, or if the same was told.
func (k *Keeper) Tell(ctx context.Context, s Sighting) error {
	o, known, err := k.originOf(ctx, s.Serial)
	if err != nil || !known {
		return err
	}
	now := k.now()
	if s.Once == 0 && !k.own.first(s, now) {
		return nil
	}
	id := s.id(now)
	told, err := k.toldBefore(ctx, o, &s, id, now)
	if err != nil || told {
		return err
	}
	e := event.Told(id, s.Kind, now, o.side, s.Reason, s.Message)
	if err := e.Check(); err != nil {
		return err
	}
	if _, err = k.put(ctx, []query.Event{rowOf(o, &e, now)}); err != nil {
		k.own.forget(s)
	}
	return err
}

// id is the event's, the same for the same sighting: so it is kept once.
func (s *Sighting) id(now time.Time) event.ID {
	number := s.Once
	if number == 0 {
		number = uint64(now.Unix()) / uint64(again/time.Second)
	}
	return event.ID{Serial: s.Serial, Number: number,
		Boot: fmt.Sprintf("manager-%08x", crc32.ChecksumIEEE([]byte(string(s.Kind)+" "+s.Reason)))}
}

// toldBefore looks whether another manager has told it within the last 10 minutes,
// in the span before this one.
func (k *Keeper) toldBefore(ctx context.Context, o origin, s *Sighting, id event.ID, now time.Time) (bool, error) {
	if s.Once != 0 {
		return false, nil
	}
	row, err := k.store.Read().Event(ctx, query.EventParams{AccountID: o.account, Serial: id.Serial, Boot: id.Boot, Number: int64(id.Number) - 1})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		k.own.forget(*s)
		return false, fmt.Errorf("looking whether it was told: %w", err)
	}
	return now.Sub(time.UnixMilli(row.At)) < again, nil
}

func (s *Sighting) key() string { return s.Serial + " " + string(s.Kind) + " " + s.Reason }

// forget makes what wasn't kept new again.
func (w *own) forget(s Sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.told, s.key())
}

// first is whether this manager hasn't told it lately.
func (w *own) first(s Sighting, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at, told := w.told[s.key()]; told && now.Sub(at) < again {
		return false
	}
	if w.told == nil || len(w.told) >= mostTold {
		w.told = map[string]time.Time{}
	}
	w.told[s.key()] = now
	return true
}
