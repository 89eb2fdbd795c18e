package fleet

import (
	"context"
	"fmt"
	"log/slog"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/site"
)

// committer keeps the events of many sessions in one commit: while one runs, what
// comes waits for the next, so that there are as few as the disk is slow.
type committer struct {
	keeper Events
	log    *slog.Logger
	queue  chan batch
}

// batch is a session's; done is called once, and doesn't block.
type batch struct {
	events []events.Sent
	done   func(error)
}

const (
	mostWaiting  = 256
	mostInCommit = 4096
)

func newCommitter(keeper Events, log *slog.Logger) *committer {
	return &committer{keeper: keeper, log: log, queue: make(chan batch, mostWaiting)}
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
	var all []events.Sent
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

func (c *committer) put(ctx context.Context, sent []events.Sent) error {
	if len(sent) == 0 {
		return nil
	}
	result, err := c.keeper.Keep(ctx, sent)
	if err == nil && result.Refused > 0 {
		c.log.Warn("what came as events were none", "number", result.Refused, "of", len(sent))
	}
	return err
}

// received are a batch's events that may be kept, and how many can't ever be:
// those are acknowledged too, or the device would send them for ever.
func received(serial site.Serial, m *channel.Events) (kept []events.Sent, refused uint32) {
	for _, e := range m.GetEvents() {
		if e.GetBoot() == 0 || e.GetNumber() == 0 || len(e.GetBody()) > channel.MaxBody {
			refused++
			continue
		}
		kept = append(kept, events.Sent{Serial: string(serial), Boot: fmt.Sprintf("%016x", e.Boot), Number: e.Number, Body: e.Body})
	}
	return kept, refused
}
