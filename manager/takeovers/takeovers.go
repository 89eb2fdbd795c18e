// Package takeovers keeps each site's takeovers: the rows that the vSocket that took
// over has sent of it, exactly once, however often it sends them. They are kept for as
// long as events are.
package takeovers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
)

// Keeper keeps them in a database.
type Keeper struct {
	store *store.Store
	now   func() time.Time
}

// New makes one; now nil is the clock.
func New(db *store.Store, now func() time.Time) *Keeper {
	if now == nil {
		now = time.Now
	}
	return &Keeper{store: db, now: now}
}

// Sent is what a vSocket has sent, of the serial number that its certificate has.
type Sent struct {
	Serial string
	Body   []byte // as takeover.Takeover.Encode wrote it
}

// Kept is a takeover as it was kept.
type Kept struct {
	*takeover.Takeover
	Serial string
}

// Keep returns once all are committed that can be, with how many those aren't: sending
// them again is of no use. Whose they are, the serial number says.
func (k *Keeper) Keep(ctx context.Context, all []Sent) (refused int, err error) {
	var rows []query.InsertTakeoverParams
	for _, s := range all {
		t, err := takeover.Decode(s.Body)
		if err != nil {
			refused++
			continue
		}
		v, err := k.store.Read().VSocketOfAny(ctx, s.Serial)
		if errors.Is(err, sql.ErrNoRows) {
			refused++
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("whose takeover it is: %w", err)
		}
		rows = append(rows, query.InsertTakeoverParams{Serial: s.Serial, Term: int64(t.Term), GrantedAt: t.Granted().UnixMilli(),
			AccountID: v.AccountID, SiteID: v.SiteID, KeptAt: k.now().UnixMilli(), Story: string(s.Body)})
	}
	if len(rows) == 0 {
		return refused, nil
	}
	return refused, k.store.InTx(ctx, func(q *query.Queries) error {
		for _, r := range rows {
			if _, err := q.InsertTakeover(ctx, r); err != nil {
				return fmt.Errorf("keeping the takeover of term %d: %w", r.Term, err)
			}
		}
		return nil
	})
}

// The sizes of pages.
const (
	DefaultLimit = 20
	MostLimit    = 200
)

// Page is a part of a site's takeovers, the newest first.
type Page struct {
	Takeovers []Kept
	Next      string // the next page's cursor; "": this was the last
}

// ErrCursor is a place in no list of ours.
var ErrCursor = errors.New("this is no place in the takeovers\nhint: give the one that the page before ended with")

// Span is when a takeover's term was granted. Its zero value is any time.
type Span struct{ From, Until time.Time }

// Page finds a site's. after is the cursor of the page before, "" at the start; limit
// 0 is the default.
func (k *Keeper) Page(ctx context.Context, account, siteID string, in Span, after string, limit int) (Page, error) {
	at, term, err := parseCursor(after)
	if err != nil {
		return Page{}, err
	}
	first := int64(math.MinInt64)
	if !in.From.IsZero() {
		first = in.From.UnixMilli()
	}
	if !in.Until.IsZero() && in.Until.UnixMilli() <= at {
		at, term = in.Until.UnixMilli(), 0
	}
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MostLimit)
	all, err := k.read(ctx, query.TakeoversParams{AccountID: account, SiteID: siteID, First: first, BeforeAt: at, BeforeTerm: term, Most: int32(limit + 1)})
	if err != nil {
		return Page{}, err
	}
	p := Page{Takeovers: all}
	if len(all) > limit {
		p.Takeovers = all[:limit]
		last := all[limit-1]
		p.Next = fmt.Sprintf("%d-%d", last.Granted().UnixMilli(), last.Term)
	}
	return p, nil
}

func (k *Keeper) read(ctx context.Context, p query.TakeoversParams) ([]Kept, error) {
	rows, err := k.store.Read().Takeovers(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("reading takeovers: %w", err)
	}
	all := make([]Kept, 0, len(rows))
	for _, r := range rows {
		t, err := takeover.Decode([]byte(r.Story))
		if err != nil {
			return nil, fmt.Errorf("in the database: %w", err)
		}
		all = append(all, Kept{t, r.Serial})
	}
	return all, nil
}

func parseCursor(text string) (at, term int64, err error) {
	if text == "" {
		return math.MaxInt64, 0, nil
	}
	first, second, _ := strings.Cut(text, "-")
	at, err = strconv.ParseInt(first, 10, 64)
	if err == nil {
		term, err = strconv.ParseInt(second, 10, 64)
	}
	if err != nil || fmt.Sprintf("%d-%d", at, term) != text {
		return 0, 0, ErrCursor
	}
	return at, term, nil
}

// Retain deletes what was kept longer ago than keep, and says how much that was.
func (k *Keeper) Retain(ctx context.Context, keep time.Duration) (deleted int64, err error) {
	err = k.store.InTx(ctx, func(q *query.Queries) (err error) {
		deleted, err = q.DeleteOldTakeovers(ctx, k.now().Add(-keep).UnixMilli())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("deleting old takeovers: %w", err)
	}
	return deleted, nil
}
