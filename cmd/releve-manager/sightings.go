package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
)

// sightings makes events of what only the manager sees of vSockets. The fleet
// doesn't wait for the database: what comes faster than it takes is dropped.
type sightings struct {
	keeper *events.Keeper
	log    *slog.Logger
	queue  chan fleet.Incident
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// mostWaiting sightings are kept for a database that is slow.
const mostWaiting = 1000

func newSightings(keeper *events.Keeper, log *slog.Logger) *sightings {
	ctx, stop := context.WithCancel(context.Background())
	s := &sightings{keeper: keeper, log: log, queue: make(chan fleet.Incident, mostWaiting), stop: stop}
	s.done.Go(func() { s.run(ctx) })
	return s
}

func (s *sightings) close() error {
	s.stop()
	s.done.Wait()
	return nil
}

func (s *sightings) note(i fleet.Incident) {
	if i.Kind == fleet.Lost {
		return // it may be with another manager in a moment; presence knows when it is lost
	}
	select {
	case s.queue <- i:
	default:
		s.log.Warn("a sighting is dropped: too many at once", slog.String("serial", string(i.Serial)), slog.String("kind", string(i.Kind)))
	}
}

func (s *sightings) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case i := <-s.queue:
			s.tell(ctx, i)
		}
	}
}

func (s *sightings) tell(ctx context.Context, i fleet.Incident) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	message := i.Detail
	if i.Remote != "" {
		message += ", from " + i.Remote
	}
	err := s.keeper.Tell(ctx, events.Sighting{Serial: string(i.Serial), Kind: event.Refused, Reason: string(i.Kind), Message: message})
	if err != nil {
		s.log.Error("a sighting isn't kept", slog.String("serial", string(i.Serial)), slog.Any("reason", err))
	}
}
