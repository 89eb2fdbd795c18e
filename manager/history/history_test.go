package history

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const serial site.Serial = "RLV-P"

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// world is a database with one vSocket, and a clock.
type world struct {
	t     *testing.T
	store *store.Store
	mu    sync.Mutex
	at    time.Time
	bytes uint64
}

func inWorld(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, w := t.Context(), &world{t: t, store: s, at: noon}
		w.fine(s.InTx(ctx, func(q *query.Queries) error {
			return errors.Join(
				q.InsertAccount(ctx, query.InsertAccountParams{ID: "a", Name: "a"}),
				q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: string(serial), AccountID: "a", SiteID: "paris", Side: "primary"}),
			)
		}))
		story(w)
	})
}

func (w *world) fine(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *world) manager() *Service {
	w.t.Helper()
	s, err := Open(Config{Store: w.store, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	w.fine(err)
	w.t.Cleanup(func() { s.stop(); s.done.Wait() })
	return s
}

// minutes is what a vSocket says each minute: 8 Mbit/s come in, whatever the
// moment's rate is.
func (w *world) minutes(n int, s *Service) {
	for range n {
		latency := 12.5
		s.Note(serial, w.now(), &site.Status{Boot: "1", Role: site.Active, Master: true,
			Tunnel: &site.TunnelStatus{Up: true, Received: w.bytes, ReceivedRate: 1, Latency: &latency}})
		w.pass(time.Minute)
		w.bytes += 60_000_000
	}
}

func (w *world) series(width time.Duration) []status.Bucket {
	w.t.Helper()
	series, err := w.manager().Series(w.t.Context(), "a", serial, width, noon.Add(-time.Hour), noon.Add(500*24*time.Hour))
	w.fine(err)
	return series
}

// Nothing is lost when a vSocket moves between managers that end in order, and what
// they have of one span is one bucket; other accounts see none of it.
func TestBuckets(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.manager(), w.manager()
		w.minutes(12, a)
		w.minutes(3, b)
		w.minutes(5, a)
		w.fine(a.Close())
		w.fine(b.Close())
		series := w.series(5 * time.Minute)
		if len(series) != 4 {
			w.t.Fatalf("%d buckets: %+v", len(series), series)
		}
		for i, b := range series {
			f := b.Figures[status.Received]
			if b.Samples != 5 || b.Master != 5 || b.Roles[site.Active] != 5 || !b.Start.Equal(noon.Add(time.Duration(i)*5*time.Minute)) {
				w.t.Errorf("%+v", b)
			}
			if f.Most != 8e6 || i == 1 && f.Mean() != 8e6 || b.Figures[status.Latency].Mean() != 12.5 || b.Figures[status.Loss].Count != 0 {
				w.t.Errorf("%+v", b.Figures)
			}
		}
		if theirs, err := a.Series(w.t.Context(), "b", serial, 5*time.Minute, noon, noon.Add(time.Hour)); err != nil || len(theirs) != 0 {
			w.t.Errorf("%v, %v", theirs, err)
		}
	})
}

// A bucket is written when it is over, and a device that is no vSocket has none.
func TestOver(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.manager()
		a.Note("POP-1", w.now(), &site.Status{})
		w.minutes(7, a)
		w.fine(a.write(w.t.Context(), 0))
		if n := len(w.series(5 * time.Minute)); n != 1 {
			w.t.Errorf("%d", n)
		}
		a.finish(a.ended)
		w.fine(a.write(w.t.Context(), 0))
		if n := len(w.series(5 * time.Minute)); n != 1 {
			w.t.Errorf("%d, though one isn't over", n)
		}
		w.pass(4 * time.Minute)
		a.finish(a.ended)
		w.fine(a.write(w.t.Context(), 0))
		if n := len(w.series(5 * time.Minute)); n != 2 {
			w.t.Errorf("%d", n)
		}
		w.pass(2 * time.Hour)
		a.finish(func(*status.Bucket, time.Duration) bool { return false })
		if len(a.open) != 0 {
			w.t.Errorf("remembers %d", len(a.open))
		}
	})
}

// Buckets that end together are written a part at a time, and what a manager that
// ends hasn't written by then, it writes as it closes.
func TestWrittenEvenly(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.manager()
		w.minutes(5*(2*mostInTx+1)+1, a)
		var pauses []time.Duration
		a.pause = func(_ context.Context, d time.Duration) error {
			if pauses = append(pauses, d); len(pauses) == 2 {
				return context.Canceled
			}
			return nil
		}
		if err := a.write(w.t.Context(), spread); !errors.Is(err, context.Canceled) || len(a.full) != 1 ||
			!slices.Equal(pauses, []time.Duration{spread / 3, spread / 3}) {
			w.t.Errorf("%v, paused %v, with %d left", err, pauses, len(a.full))
		}
		w.fine(a.Close())
		if n := len(w.series(5 * time.Minute)); n != 2*mostInTx+2 {
			w.t.Errorf("%d are kept", n)
		}
	})
}

// Hours are made of what they have, once they are over, also if nobody did it for
// days; then narrow buckets go, and after a year the wide ones too.
func TestRetain(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.manager()
		w.minutes(100, a)
		w.fine(a.Retain(w.t.Context()))
		w.minutes(50, a)
		w.fine(a.Close())
		for range 2 {
			w.pass(time.Hour)
			w.fine(a.Retain(w.t.Context()))
		}
		fine, hours := w.series(5*time.Minute), w.series(time.Hour)
		if len(fine) != 30 || len(hours) != 3 || !reflect.DeepEqual(status.Coarsen(fine, time.Hour), hours) {
			w.t.Errorf("%d buckets, %d hours: %+v", len(fine), len(hours), hours)
		}
		w.pass(9 * 24 * time.Hour)
		w.fine(a.Retain(w.t.Context()))
		if len(w.series(5*time.Minute)) != 0 || !reflect.DeepEqual(w.series(time.Hour), hours) {
			w.t.Errorf("%d buckets, %d hours", len(w.series(5*time.Minute)), len(w.series(time.Hour)))
		}
		w.pass(400 * 24 * time.Hour)
		w.fine(a.Retain(w.t.Context()))
		if n := len(w.series(time.Hour)); n != 0 {
			w.t.Errorf("%d hours", n)
		}
		w.minutes(10, a) // after a long time without managers
		a.finish(func(*status.Bucket, time.Duration) bool { return true })
		w.fine(a.write(w.t.Context(), 0))
		w.pass(3 * 24 * time.Hour)
		w.fine(a.Retain(w.t.Context()))
		if n := len(w.series(time.Hour)); n == 0 {
			w.t.Error("no hours")
		}
	})
}
