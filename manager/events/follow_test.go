package events

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// A follower gets everything that fits, once and in the order of arrivals, though
// it begins in the middle, many send at once, and it comes back in between. A
// second keeper on the same database stands for another manager.
func TestFollow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{Sweep: 50 * time.Millisecond})
		other := New(s, Config{Now: r.Keeper.now})
		const senders, each = 8, 60
		var all sync.WaitGroup
		for i := range senders {
			keeper, o := []*Keeper{r.Keeper, other}[i%2], socket{"a", fmt.Sprint("s", i), site.Primary}
			r.add(o)
			all.Go(func() {
				for n := range uint64(each) {
					kind := []event.Kind{event.Connected, event.Disconnected}[n%2]
					if _, err := keeper.Keep(t.Context(), sent(t, o.made(n+1, kind, time.Duration(n)*time.Second))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		var last int64
		seen := map[event.ID]bool{}
		enough := errors.New("enough")
		for len(seen) < senders*each/2 {
			batches := 0
			err := r.Follow(t.Context(), "a", Filter{Kinds: []event.Kind{event.Connected}}, last, func(_ context.Context, batch []Kept) error {
				for _, e := range batch {
					if e.Arrival <= last || seen[e.ID] || e.Kind != event.Connected {
						t.Errorf("%s: arrival %d after %d, seen before: %v", e.ID, e.Arrival, last, seen[e.ID])
					}
					last, seen[e.ID] = e.Arrival, true
				}
				if batches++; batches == 3 || len(seen) == senders*each/2 {
					return enough
				}
				return nil
			})
			if !errors.Is(err, enough) {
				t.Fatalf("%v, %d seen", err, len(seen))
			}
		}
		all.Wait()
	})
}

// A follower wakes when something is kept, not at the next sweep; it hears nothing
// of other accounts; and it leaves nothing behind.
func TestFollowWakes(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{Sweep: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan Kept)
	done := make(chan error)
	go func() {
		done <- r.Follow(ctx, "a", Filter{}, 0, func(_ context.Context, batch []Kept) error {
			for _, e := range batch {
				got <- e
			}
			return nil
		})
	}()
	for n := range uint64(5) {
		for _, account := range []string{"b", "a"} {
			o := socket{account, "paris", site.Primary}
			r.keep(o, o.made(n+1, event.Connected, 0))
		}
		if e := <-got; e.Account != "a" || e.ID.Number != n+1 {
			t.Errorf("%+v", e)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(r.broker.followers) != 0 {
		t.Errorf("%v are left", r.broker.followers)
	}
}

// Who is slow is cut, even if it never comes back from a batch; keeping goes on
// meanwhile.
func TestSlowFollowerIsCut(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{Patience: 20 * time.Millisecond})
	o := socket{"a", "paris", site.Primary}
	r.keep(o, o.made(1, event.Connected, 0))
	stuck := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- r.Follow(t.Context(), "a", Filter{}, 0, func(ctx context.Context, _ []Kept) error {
			close(stuck)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-stuck
	for n := range uint64(20) {
		r.keep(o, o.made(n+2, event.Connected, 0))
	}
	if err := <-done; !errors.Is(err, ErrSlow) {
		t.Errorf("%v", err)
	}
}

// Both exports have every event that fits, and a reader gets the texts back.
func TestExport(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{})
	o := socket{"a", "paris", site.Primary}
	var all []event.Event
	for n := range uint64(MostLimit + 3) {
		all = append(all, o.made(n+1, event.Connected, time.Duration(n)*time.Second))
	}
	all[0].Message, all[0].Reason = `=HYPERLINK("x")`, `a "b", c`
	r.keep(o, all...)
	var table, lines bytes.Buffer
	if err := r.CSV(t.Context(), &table, "a", Filter{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != len(all)+1 || strings.Join(rows[0], ",") != strings.Join(header, ",") {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := rows[len(all)]
	if last[0] != "2026-11-26T00:00:00.000Z" || last[2] != "Connected" || last[12] != `a "b", c` || last[13] != `'=HYPERLINK("x")` || last[16] != all[0].ID.String() {
		t.Errorf("%q", last)
	}
	if err := r.JSONLines(t.Context(), &lines, "a", Filter{Text: "hyperlink"}); err != nil {
		t.Fatal(err)
	}
	var e Kept
	if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.ID != all[0].ID || e.Message != all[0].Message || e.SubType != "Connected" {
		t.Errorf("%s: %+v, %v", &lines, e, err)
	}
	if err := r.CSV(t.Context(), broken{}, "a", Filter{}); err == nil {
		t.Error("nobody reads it: no error")
	}
}

// broken is a client that has gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }
