package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
)

// The sizes of pages.
const (
	DefaultLimit = 50
	MostLimit    = 500
	mostScan     = 400 // rows that a page looks through at most: each costs some 5 µs
)

// Page is a part of a list, newest first.
type Page struct {
	Events []Kept
	Next   string // the next page's cursor; "": this was the last
}

// ErrNone is what Event returns if there is none in the account.
var ErrNone = errors.New("no such event")

// Event finds one.
func (k *Keeper) Event(ctx context.Context, account string, id event.ID) (Kept, error) {
	row, err := k.store.Read().Event(ctx, query.EventParams{AccountID: account, Serial: id.Serial, Boot: id.Boot, Number: int64(id.Number)})
	if errors.Is(err, sql.ErrNoRows) {
		return Kept{}, ErrNone
	}
	if err != nil {
		return Kept{}, fmt.Errorf("reading an event: %w", err)
	}
	return keptOf(&row)
}

// Page finds an account's events. after is the cursor of the page before, "" at
// the start; limit 0 is the default.
func (k *Keeper) Page(ctx context.Context, account string, f Filter, after string, limit int) (Page, error) {
	from, err := ParseCursor(after)
	if err != nil {
		return Page{}, err
	}
	if err := f.Check(); err != nil {
		return Page{}, err
	}
	if limit == 0 {
		limit = DefaultLimit
	}
	limit = min(max(1, limit), MostLimit)
	if f.Serial != "" && f.Site == "" { // its events are in its site's index
		o, known, err := k.originOf(ctx, f.Serial)
		if err != nil || !known {
			return Page{}, err
		}
		f.Site = o.site
	}
	lists := k.lists(account, &f)
	var rows []query.Event
	horizon, more := Cursor{}, false // the newest place at which a list's look ended
	for _, l := range lists {
		l.after, l.limit, l.scan = from, limit, max(limit, k.scanned/len(lists))
		found, end, ended, err := k.scan(ctx, l)
		if err != nil {
			return Page{}, err
		}
		rows = append(rows, found...)
		if ended && (!more || end.before(horizon)) {
			horizon, more = end, true
		}
	}
	return pageOf(rows, limit, horizon, more)
}

func placeOf(r *query.Event) Cursor { return Cursor{r.At, r.Arrival} }

// pageOf merges what the lists gave, as far as all of them have been looked
// through.
func pageOf(rows []query.Event, limit int, horizon Cursor, more bool) (Page, error) {
	slices.SortFunc(rows, func(a, b query.Event) int {
		if placeOf(&a).before(placeOf(&b)) {
			return -1
		}
		return 1
	})
	if more {
		rows = slices.DeleteFunc(rows, func(r query.Event) bool { return horizon.before(placeOf(&r)) })
	}
	next := ""
	switch {
	case len(rows) > limit:
		rows = rows[:limit]
		next = placeOf(&rows[limit-1]).String()
	case more:
		next = horizon.String()
	}
	all, err := keptOfAll(rows)
	return Page{Events: all, Next: next}, err
}

// list is the events of one index that may fit, in the order of time.
type list struct {
	filter  *Filter
	account string
	from    string // the table, by this index
	by      string // the column that the index is of; "": of the time alone
	value   string
	after   Cursor
	limit   int // events wanted
	scan    int // rows to look through
}

// lists are those to merge: by the narrowest index that there is. Of several kinds
// each is a list, or the database would sort all their events for each page.
func (k *Keeper) lists(account string, f *Filter) []list {
	switch {
	case f.Site != "":
		return []list{{filter: f, account: account, from: k.store.EventsBy("event_of_site"), by: "site_id", value: f.Site}}
	case len(f.Kinds) > 0:
		var all []list
		for _, kind := range slices.Compact(slices.Sorted(slices.Values(f.Kinds))) {
			all = append(all, list{filter: f, account: account, from: k.store.EventsBy("event_of_kind"), by: "kind", value: string(kind)})
		}
		return all
	}
	return []list{{filter: f, account: account, from: k.store.EventsBy("event_in_time")}}
}

// indexed is the list's part of the condition that its index answers, down to the
// row end, if there is one. Each side has one bound, for SQLite begins at one of
// them, not always at the nearer. Only between two rows the times are named once
// more: of two comparisons of pairs PostgreSQL doesn't see that few rows are
// between them, and reads the whole table for a rare text.
func (l *list) indexed(w *where, end *Cursor) {
	w.add("account_id = ?", l.account)
	if l.by != "" {
		w.add(l.by+" = ?", l.value)
	}
	from := l.after
	if until := (Cursor{millis(l.filter.Until), math.MinInt64}); !l.filter.Until.IsZero() && from.before(until) {
		from = until
	}
	if from != latest {
		w.add("(at, arrival) < (?, ?)", from.At, from.Arrival)
	}
	switch {
	case end != nil:
		w.add("(at, arrival) >= (?, ?)", end.At, end.Arrival)
		w.add("at >= ?", end.At)
		if from != latest {
			w.add("at <= ?", from.At)
		}
	case !l.filter.From.IsZero():
		w.add("at >= ?", millis(l.filter.From))
	}
}

var columns = strings.Join(store.EventColumns, ", ")

// scan looks for one event more than wanted, and tells where its look ended if
// there is more to look at.
func (k *Keeper) scan(ctx context.Context, l list) (rows []query.Event, end Cursor, ended bool, err error) {
	rest := &where{}
	var last *Cursor
	if l.filter.residue(rest, l.by); len(rest.terms) > 0 {
		text, args := l.askEnd()
		if end.At, end.Arrival, ended, err = k.store.SelectCursor(ctx, text, args); err != nil {
			return nil, Cursor{}, false, err
		}
		if ended {
			last = &end
		}
	}
	text, args := l.ask(last)
	rows, err = k.store.SelectEvents(ctx, text, args)
	return rows, end, ended && len(rows) <= l.limit, err
}

// ask finds the events, down to the row end.
func (l *list) ask(end *Cursor) (text string, args []any) {
	w := &where{}
	l.indexed(w, end)
	l.filter.residue(w, l.by)
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY at DESC, arrival DESC LIMIT %d", columns, l.from, w, l.limit+1), w.args
}

// askEnd finds the last row that a scan may look at; the index alone tells.
func (l *list) askEnd() (text string, args []any) {
	w := &where{}
	l.indexed(w, nil)
	return fmt.Sprintf("SELECT at, arrival FROM %s WHERE %s ORDER BY at DESC, arrival DESC LIMIT 1 OFFSET %d", l.from, w, l.scan-1), w.args
}
