package events

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
)

// The limits of one commit.
const (
	mostRows   = 2000
	commitTime = 30 * time.Second
)

// Keeper keeps events in a database and finds them. Those of many senders that
// come at once are committed together.
type Keeper struct {
	store    *store.Store
	now      func() time.Time
	patience time.Duration
	sweep    time.Duration
	broker   broker

	mu      sync.Mutex
	pending []*put
	busy    bool // somebody commits
}

// Config is what a Keeper needs besides its database. The zero value is a
// manager's.
type Config struct {
	Now      func() time.Time // nil: the clock
	Patience time.Duration    // with a follower; 0: 10 s
	Sweep    time.Duration    // how often a follower looks unasked, for wake-ups that were lost; 0: 30 s
}

// New makes a Keeper.
func New(db *store.Store, c Config) *Keeper {
	k := &Keeper{store: db, now: c.Now, patience: c.Patience, sweep: c.Sweep}
	if k.now == nil {
		k.now = time.Now
	}
	if k.patience == 0 {
		k.patience = 10 * time.Second
	}
	if k.sweep == 0 {
		k.sweep = 30 * time.Second
	}
	return k
}

// put is what one caller wants kept.
type put struct {
	rows  []query.Event
	fresh int
	err   error
	done  chan struct{}
}

// Sent is an event as it came from a vSocket's spool.
type Sent struct {
	Boot   string
	Number uint64
	Body   []byte // as event.Encode wrote it
}

// Accept keeps what a vSocket has sent, under the ids that its spool has given.
// refused are those that are no events, and never will be: sending them again is
// of no use.
func (k *Keeper) Accept(ctx context.Context, o Origin, all []Sent) (refused int, err error) {
	events := make([]event.Event, 0, len(all))
	for _, s := range all {
		e, err := event.Decode(s.Body)
		if err != nil {
			refused++
			continue
		}
		e.ID = event.ID{Serial: o.Serial, Boot: s.Boot, Number: s.Number}
		if e.Check() != nil {
			refused++
			continue
		}
		events = append(events, e)
	}
	_, err = k.Keep(ctx, o, events)
	return refused, err
}

// Keep returns once all events are kept, and says how many are new. An event of
// another serial number than the origin's, or a malformed one, is an error, and
// none is kept then.
func (k *Keeper) Keep(ctx context.Context, o Origin, all []event.Event) (fresh int, err error) {
	now := k.now()
	for part := range slices.Chunk(all, mostRows) {
		p := &put{done: make(chan struct{})}
		for i := range part {
			if err := part[i].Check(); err != nil {
				return fresh, err
			}
			if part[i].ID.Serial != o.Serial {
				return fresh, fmt.Errorf("event %s: sent by %s", part[i].ID, o.Serial)
			}
			p.rows = append(p.rows, rowOf(o, &part[i], now))
		}
		k.enqueue(p)
		select {
		case <-p.done:
		case <-ctx.Done():
			return fresh, ctx.Err() // it may be kept all the same
		}
		if fresh += p.fresh; p.err != nil {
			return fresh, p.err
		}
	}
	return fresh, nil
}

// enqueue starts the committer, unless it is at work: then this put is of its next
// round.
func (k *Keeper) enqueue(p *put) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pending = append(k.pending, p)
	if !k.busy {
		k.busy = true
		go k.commitAll()
	}
}

// commitAll commits until nothing is pending.
func (k *Keeper) commitAll() {
	for {
		group := k.take()
		if group == nil {
			return
		}
		err := k.commit(group)
		if err != nil && len(group) > 1 { // one's fault must not be the others'
			for _, p := range group {
				p.err = k.commit([]*put{p})
			}
		} else if err != nil {
			group[0].err = err
		}
		for _, p := range group {
			close(p.done)
		}
	}
}

// take returns the next group, nil if there is none: then the committer has ended.
func (k *Keeper) take() []*put {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, rows := 0, 0
	for n < len(k.pending) && (n == 0 || rows+len(k.pending[n].rows) <= mostRows) {
		rows += len(k.pending[n].rows)
		n++
	}
	group := k.pending[:n:n]
	k.pending = k.pending[n:]
	if n == 0 {
		k.busy, k.pending = false, nil
		return nil
	}
	return group
}

// commit keeps a group in one transaction, then wakes who follows.
func (k *Keeper) commit(group []*put) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	accounts := map[string]bool{}
	err := k.store.InTx(ctx, func(q *query.Queries) error {
		clear(accounts)
		if err := k.store.LockEvents(ctx, q); err != nil {
			return err
		}
		rows, owners := rowsOf(group)
		if err := number(ctx, q, rows); err != nil {
			return err
		}
		rows, err := withoutTwins(ctx, q, rows)
		if err != nil {
			return err
		}
		fresh, err := k.store.InsertEvents(ctx, q, rows)
		if err != nil {
			return err
		}
		for _, p := range group {
			p.fresh = 0
		}
		for i := range fresh {
			accounts[fresh[i].AccountID] = true
			owners[idOf(&fresh[i])].fresh++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping events: %w", err)
	}
	for account := range accounts {
		k.broker.wake(account)
	}
	return nil
}

// rowsOf are a group's rows, each event once, and who has sent it first.
func rowsOf(group []*put) (rows []query.Event, owners map[event.ID]*put) {
	owners = map[event.ID]*put{}
	for _, p := range group {
		for i := range p.rows {
			if id := idOf(&p.rows[i]); owners[id] == nil {
				owners[id] = p
				rows = append(rows, p.rows[i])
			}
		}
	}
	return rows, owners
}

func idOf(r *query.Event) event.ID {
	return event.ID{Serial: r.Serial, Boot: r.Boot, Number: uint64(r.Number)}
}

// number gives rows their arrivals. The account's counter is this transaction's until
// the commit, so arrivals become visible in their order.
func number(ctx context.Context, q *query.Queries, rows []query.Event) error {
	slices.SortStableFunc(rows, func(a, b query.Event) int { return strings.Compare(a.AccountID, b.AccountID) })
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
