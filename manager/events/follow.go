package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/manager/store/query"
)

// ErrSlow is why a follower was cut.
var ErrSlow = errors.New("events come faster than they are taken\nhint: follow again from the last one received")

// feedPage is how many events a follower reads at once.
const feedPage = 500

// broker wakes those who follow an account. It carries nothing: what there is, a
// follower reads in the order of arrivals.
type broker struct {
	mu        sync.Mutex
	followers map[string][]chan struct{}
}

func (b *broker) join(account string) chan struct{} {
	wake := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.followers == nil {
		b.followers = map[string][]chan struct{}{}
	}
	b.followers[account] = append(b.followers[account], wake)
	return wake
}

func (b *broker) leave(account string, wake chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.followers[account] = slices.DeleteFunc(b.followers[account], func(w chan struct{}) bool { return w == wake })
	if len(b.followers[account]) == 0 {
		delete(b.followers, account)
	}
}

func (b *broker) wake(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wake := range b.followers[account] {
		select {
		case wake <- struct{}{}:
		default: // awake already
		}
	}
}

// Wake tells followers of an account that another manager has kept something.
func (k *Keeper) Wake(account string) { k.broker.wake(account) }

// WakeAll tells all followers that another manager may have kept something.
func (k *Keeper) WakeAll() {
	k.broker.mu.Lock()
	accounts := slices.Collect(maps.Keys(k.broker.followers))
	k.broker.mu.Unlock()
	for _, account := range accounts {
		k.broker.wake(account)
	}
}

// Last is the account's last arrival, from which to follow what comes.
func (k *Keeper) Last(ctx context.Context, account string) (int64, error) {
	last, err := k.store.Read().LastArrival(ctx, account)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading the last arrival: %w", err)
	}
	return last, nil
}

// Follow sends the account's events that fit, in the order of arrivals, from the
// one after the given, until ctx ends, send fails, or the follower is cut:
// ErrSlow. Send's context ends when the follower is cut.
func (k *Keeper) Follow(ctx context.Context, account string, f Filter, after int64, send func(context.Context, []Kept) error) error {
	if err := f.Check(); err != nil {
		return err
	}
	wake := k.broker.join(account)
	defer k.broker.leave(account, wake)
	sweep := time.NewTicker(k.sweep)
	defer sweep.Stop()
	for {
		next, full, err := k.forward(ctx, account, &f, after, send)
		if err != nil {
			return err
		}
		if after = next; full {
			continue
		}
		select {
		case <-wake:
		case <-sweep.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// forward sends one page of the feed, and says whether there may be more.
func (k *Keeper) forward(ctx context.Context, account string, f *Filter, after int64, send func(context.Context, []Kept) error) (next int64, full bool, err error) {
	rows, err := k.store.Read().EventFeed(ctx, query.EventFeedParams{AccountID: account, Arrival: after, Limit: feedPage})
	if err != nil {
		return after, false, fmt.Errorf("reading events: %w", err)
	}
	if len(rows) == 0 {
		return after, false, nil
	}
	next, full = rows[len(rows)-1].Arrival, len(rows) == feedPage
	all, err := keptOfAll(rows)
	if err != nil {
		return after, false, err
	}
	all = slices.DeleteFunc(all, func(e Kept) bool { return !f.fits(&e) })
	if len(all) == 0 {
		return next, full, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cut := time.AfterFunc(k.patience, func() { cancel(ErrSlow) })
	err = send(ctx, all)
	if !cut.Stop() {
		return next, false, ErrSlow
	}
	return next, full, err
}
