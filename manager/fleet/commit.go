package fleet

import (
	"context"
	"encoding/json"

	"releve.dev/releve/channel"
	"releve.dev/releve/site"
)

// committer keeps the events of many sessions in one commit: while one runs, what
// comes waits for the next, so that there are as few as the disk is slow.
type committer struct {
	events Events
	queue  chan batch
}

// batch is a session's; done is called once, and doesn't block.
type batch struct {
	events []Event
	done   func(error)
}

const (
	mostWaiting  = 256
	mostInCommit = 4096
)

func newCommitter(events Events) *committer {
	return &committer{events: events, queue: make(chan batch, mostWaiting)}
}

// submit waits only while too much waits already.
func (c *committer) submit(ctx context.Context, b batch) error {
	select {
	case c.queue <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *committer) run(ctx context.Context) {
	for {
		select {
		case first := <-c.queue:
			c.commit(ctx, c.gather(first))
		case <-ctx.Done():
			return
		}
	}
}

func (c *committer) gather(first batch) []batch {
	group, n := []batch{first}, len(first.events)
	for n < mostInCommit {
		select {
		case next := <-c.queue:
			group, n = append(group, next), n+len(next.events)
		default:
			return group
		}
	}
	return group
}

// commit: if all together fails, each is tried alone, so that one that can't be
// kept holds up nobody else.
func (c *committer) commit(ctx context.Context, group []batch) {
	var all []Event
	for _, b := range group {
		all = append(all, b.events...)
	}
	err := c.put(ctx, all)
	for _, b := range group {
		alone := err
		if err != nil && len(group) > 1 {
			alone = c.put(ctx, b.events)
		}
		b.done(alone)
	}
}

func (c *committer) put(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	return c.events.PutEvents(ctx, events)
}

// received are a batch's events that can be kept, and how many can't ever be:
// those are acknowledged too, or the device would send them for ever.
func received(serial site.Serial, m *channel.Events) (kept []Event, refused uint32) {
	for _, e := range m.Events {
		if e.GetBoot() == 0 || e.GetNumber() == 0 || len(e.GetBody()) > channel.MaxBody || !json.Valid(e.GetBody()) {
			refused++
			continue
		}
		kept = append(kept, Event{serial, e.Boot, e.Number, e.Body})
	}
	return kept, refused
}
