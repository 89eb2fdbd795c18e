package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
)

// Keeper keeps events in a database and finds them.
type Keeper struct {
	store    *store.Store
	now      func() time.Time
	patience time.Duration
	sweep    time.Duration
	scanned  int // rows that a page looks through at most
	notify   func(account string)
	broker   broker
	origins  origins
	own      own
}

// Config is what a Keeper needs besides its database. The zero value is that of a
// manager that serves alone.
type Config struct {
	Now      func() time.Time     // nil: the clock
	Patience time.Duration        // with a follower; 0: 10 s
	Sweep    time.Duration        // how often a follower looks unasked, for wake-ups that were lost; 0: 30 s
	Notify   func(account string) // called when something was kept: other managers' Wake is to be called. nil: there are none
}

// New makes a Keeper.
func New(db *store.Store, c Config) *Keeper {
	k := &Keeper{store: db, now: c.Now, patience: c.Patience, sweep: c.Sweep, scanned: mostScan, notify: c.Notify}
	if k.now == nil {
		k.now = time.Now
	}
	if k.patience == 0 {
		k.patience = 10 * time.Second
	}
	if k.sweep == 0 {
		k.sweep = 30 * time.Second
	}
	if k.notify == nil {
		k.notify = func(string) {}
	}
	return k
}

// Sent is an event as a vSocket has sent it: under the id that its spool has given,
// and of the serial number that its certificate has.
type Sent struct {
	Serial string
	Boot   string
	Number uint64
	Body   []byte // as event.Encode wrote it
}

// Result says what has become of events.
type Result struct {
	Fresh   int // kept now; of the others all but the refused were there before
	Refused int // no events, and never will be: sending them again is of no use
}

// Keep returns once all events are kept that can be. After an error all may be
// sent again.
func (k *Keeper) Keep(ctx context.Context, all []Sent) (Result, error) {
	now := k.now()
	rows := make([]query.Event, 0, len(all))
	for i := range all {
		s := &all[i]
		e, err := event.Decode(s.Body)
		if err != nil {
			continue
		}
		e.ID = event.ID{Serial: s.Serial, Boot: s.Boot, Number: s.Number}
		if e.Check() != nil {
			continue
		}
		o, known, err := k.originOf(ctx, s.Serial)
		if err != nil {
			return Result{}, err
		}
		if known {
			rows = append(rows, rowOf(o, &e, now))
		}
	}
	result := Result{Refused: len(all) - len(rows)}
	var err error
	result.Fresh, err = k.put(ctx, rows)
	return result, err
}

// put keeps rows in one transaction, then wakes who follows.
func (k *Keeper) put(ctx context.Context, all []query.Event) (int, error) {
	if len(all) == 0 {
		return 0, nil
	}
	var fresh []query.Event
	err := k.store.InTx(ctx, func(q *query.Queries) error {
		if err := k.store.LockTable(ctx, q, "event_feed"); err != nil {
			return err
		}
		rows := once(all)
		if err := number(ctx, q, rows); err != nil {
			return err
		}
		rows, err := withoutTwins(ctx, q, rows)
		if err != nil {
			return err
		}
		fresh, err = k.store.InsertEvents(ctx, q, rows)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keeping events: %w", err)
	}
	accounts := map[string]bool{}
	for i := range fresh {
		accounts[fresh[i].AccountID] = true
	}
	for account := range accounts {
		k.broker.wake(account)
		k.notify(account)
	}
	return len(fresh), nil
}

// once are the rows in the order of accounts, none twice.
func once(all []query.Event) []query.Event {
	seen := map[event.ID]bool{}
	rows := make([]query.Event, 0, len(all))
	for i := range all {
		r := &all[i]
		if id := (event.ID{Serial: r.Serial, Boot: r.Boot, Number: uint64(r.Number)}); !seen[id] {
			seen[id] = true
			rows = append(rows, *r)
		}
	}
	slices.SortStableFunc(rows, func(a, b query.Event) int { return strings.Compare(a.AccountID, b.AccountID) })
	return rows
}

// number gives rows their arrivals. The account's counter is this transaction's
// until the commit, so arrivals become visible in their order.
func number(ctx context.Context, q *query.Queries, rows []query.Event) error {
	for from := 0; from < len(rows); {
		to := from
		for to < len(rows) && rows[to].AccountID == rows[from].AccountID {
			to++
		}
		n := int64(to - from)
		last, err := q.TakeArrivals(ctx, query.TakeArrivalsParams{AccountID: rows[from].AccountID, Last: n})
		if err != nil {
			return fmt.Errorf("numbering events: %w", err)
		}
		for i := range rows[from:to] {
			rows[from+i].Arrival = last - n + 1 + int64(i)
		}
		from = to
	}
	return nil
}

// withoutTwins leaves out what the site's other vSocket has told already.
func withoutTwins(ctx context.Context, q *query.Queries, rows []query.Event) ([]query.Event, error) {
	var kept []query.Event
	for _, r := range rows {
		if r.Slot != 0 {
			if slices.ContainsFunc(kept, func(k query.Event) bool { return twins(&k, &r) }) {
				continue
			}
			n, err := q.EventTwins(ctx, query.EventTwinsParams{AccountID: r.AccountID, SiteID: r.SiteID, Kind: r.Kind, Slot: r.Slot - 1, Slot_2: r.Slot + 1})
			if err != nil {
				return nil, fmt.Errorf("looking for the same event: %w", err)
			}
			if n > 0 {
				continue
			}
		}
		kept = append(kept, r)
	}
	return kept, nil
}

// twins is event.Same for rows, whose site the manager knows.
func twins(a, b *query.Event) bool {
	return a.Slot != 0 && a.AccountID == b.AccountID && a.SiteID == b.SiteID && a.Kind == b.Kind && max(a.Slot, b.Slot)-min(a.Slot, b.Slot) <= 1
}
