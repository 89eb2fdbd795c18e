package fleet

import (
	"context"
	"fmt"
	"log/slog"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// committer keeps what many sessions have to keep, of one kind, in one commit:
// while one runs, what comes waits for the next, so that there are as few as the
// disk is slow.
type committer[T any] struct {
	keep  func(context.Context, []T) error
	most  int // in a commit
	queue chan batch[T]
}

// batch is a session's; done is called once, and doesn't block.
type batch[T any] struct {
	all  []T
	done func(error)
}

const (
	mostWaiting = 256  // batches of a kind
	mostEvents  = 4096 // in a commit
	// mostNotes change other rows too: some 50 ms of SQLite's one writer.
	mostNotes = 64
)

func newCommitter[T any](most int, keep func(context.Context, []T) error) *committer[T] {
	return &committer[T]{keep: keep, most: most, queue: make(chan batch[T], mostWaiting)}
}

// submit waits only while too much waits already.
func (c *committer[T]) submit(ctx context.Context, b batch[T]) error {
	select {
	case c.queue <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait submits one, and waits until it is kept.
func (c *committer[T]) wait(ctx context.Context, one T) error {
	kept := make(chan error, 1)
	if err := c.submit(ctx, batch[T]{[]T{one}, func(err error) { kept <- err }}); err != nil {
		return err
	}
	select {
	case err := <-kept:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *committer[T]) run(ctx context.Context) {
	for {
		select {
		case first := <-c.queue:
			c.commit(ctx, c.gather(first))
		case <-ctx.Done():
			return
		}
	}
}

func (c *committer[T]) gather(first batch[T]) []batch[T] {
	group, n := []batch[T]{first}, len(first.all)
	for n < c.most {
		select {
		case next := <-c.queue:
			group, n = append(group, next), n+len(next.all)
		default:
			return group
		}
	}
	return group
}

// commit: if all together fails, each is tried alone, so that one that can't be
// kept holds up nobody else.
func (c *committer[T]) commit(ctx context.Context, group []batch[T]) {
	var all []T
	for _, b := range group {
		all = append(all, b.all...)
	}
	err := c.put(ctx, all)
	for _, b := range group {
		alone := err
		if err != nil && len(group) > 1 {
			alone = c.put(ctx, b.all)
		}
		b.done(alone)
	}
}

func (c *committer[T]) put(ctx context.Context, all []T) error {
	if len(all) == 0 {
		return nil
	}
	return c.keep(ctx, all)
}

// told is what a device has sent to be kept: an event, or a takeover's rows.
type told struct {
	events.Sent
	takeover bool
}

// keepTold is how a committer keeps both, events first.
func keepTold(keeper Events, stories Takeovers, log *slog.Logger) func(context.Context, []told) error {
	return func(ctx context.Context, all []told) error {
		var happened []events.Sent
		var taken []takeovers.Sent
		for _, t := range all {
			if t.takeover {
				taken = append(taken, takeovers.Sent{Serial: t.Serial, Body: t.Body})
			} else {
				happened = append(happened, t.Sent)
			}
		}
		refused, err := keepEvents(ctx, keeper, happened)
		if err == nil && len(taken) > 0 {
			var none int
			none, err = stories.Keep(ctx, taken)
			refused += none
		}
		if err == nil && refused > 0 {
			log.Warn("what came to be kept can't be", "number", refused, "of", len(all))
		}
		return err
	}
}

func keepEvents(ctx context.Context, keeper Events, sent []events.Sent) (refused int, err error) {
	if len(sent) == 0 {
		return 0, nil
	}
	result, err := keeper.Keep(ctx, sent)
	return result.Refused, err
}

// keepNotes is how a committer keeps what devices say of how they are.
func keepNotes(i Inventory) func(context.Context, []inventory.Note) error {
	return func(ctx context.Context, notes []inventory.Note) error { return i.Note(ctx, notes...) }
}

// received is what of a batch may be kept, and how much can't ever be: that is
// acknowledged too, or the device would send it for ever.
func received(serial site.Serial, m *channel.Events) (kept []told, refused uint32) {
	for _, e := range m.GetEvents() {
		body, takeover := e.GetBody(), len(e.GetTakeover()) > 0
		if takeover {
			body = e.GetTakeover()
		}
		if e.GetBoot() == 0 || e.GetNumber() == 0 || len(body) > channel.MaxBody {
			refused++
			continue
		}
		kept = append(kept, told{events.Sent{Serial: string(serial), Boot: fmt.Sprintf("%016x", e.Boot), Number: e.Number, Body: body}, takeover})
	}
	return kept, refused
}
