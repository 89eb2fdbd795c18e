package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// manager is a bus on a database, and what it hears.
func manager(t *testing.T, url string, missed func(context.Context, time.Time) (fleet.Wake, error)) (*bus.Bus, <-chan fleet.Wake) {
	t.Helper()
	db := storetest.Open(t, url)
	if missed == nil {
		missed = bus.Missed(db)
	}
	b := bus.Open(bus.Config{Carrier: New(url, db), Missed: missed, Log: slog.New(slog.DiscardHandler)})
	heard := make(chan fleet.Wake, 100)
	b.Subscribe(func(w fleet.Wake) { heard <- w })
	t.Cleanup(func() { _ = b.Close() })
	return b, heard
}

// until waits for a wake-up that fits.
func until(t *testing.T, heard <-chan fleet.Wake, what string, fits func(fleet.Wake) bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case w := <-heard:
			if fits(w) {
				return
			}
		case <-limit:
			t.Fatalf("not heard: %s", what)
		}
	}
}

func listening(w fleet.Wake) bool { return w.Lost }

// What one manager says the other hears, and no other database's manager.
func TestNotify(t *testing.T) {
	url := storetest.Postgres(t)
	a, heardA := manager(t, url, nil)
	_, heardB := manager(t, url, nil)
	_, other := manager(t, storetest.Postgres(t), nil)
	for _, h := range []<-chan fleet.Wake{heardA, heardB, other} {
		until(t, h, "itself", listening)
	}
	began := time.Now()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-1"}})
	until(t, heardB, "the other", func(w fleet.Wake) bool { return len(w.Void) == 1 && w.Void[0] == "RLV-1" })
	t.Logf("heard after %s", time.Since(began).Round(100*time.Microsecond))
	// More than PostgreSQL takes says that all is to be looked at.
	var many []string
	for range 300 {
		many = append(many, strings.Repeat("e", 40)+string(rune('a'+len(many)%26))+strings.Repeat("x", len(many)))
	}
	a.Publish(fleet.Wake{Events: many})
	until(t, heardB, "that there is much", listening)
	select {
	case w := <-other:
		t.Errorf("another database's manager heard %+v", w)
	default:
	}
}

// The listening connection is killed: it comes back, and the database is swept
// then.
func TestConnectionIsKilled(t *testing.T) {
	url := storetest.Postgres(t)
	swept := make(chan time.Time, 100)
	a, heardA := manager(t, url, nil)
	_, heardB := manager(t, url, func(_ context.Context, since time.Time) (fleet.Wake, error) {
		swept <- since
		return fleet.Wake{Void: []site.Serial{"RLV-2"}}, nil
	})
	until(t, heardA, "itself", listening)
	until(t, heardB, "what is missed at the start", func(w fleet.Wake) bool { return len(w.Void) == 1 })
	for len(swept) > 0 {
		<-swept
	}
	if n := kill(t, url); n != 2 {
		t.Fatalf("%d connections killed", n)
	}
	until(t, heardB, "that it was deaf", listening)
	<-swept
	a.Publish(fleet.Wake{Settings: []site.Serial{"RLV-3"}})
	until(t, heardB, "the other", func(w fleet.Wake) bool { return len(w.Settings) == 1 })
}

// kill ends the listening connections, and says how many there were.
func kill(t *testing.T, url string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
	if err := db.QueryRowContext(t.Context(), text, Application).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A sweep finds what has changed since, and what became void, and nothing older.
func TestMissed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		fine := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		fine(s.InTx(ctx, func(q *query.Queries) error {
			err := q.InsertAccount(ctx, query.InsertAccountParams{ID: "a", Name: "a"})
			for i, id := range []string{"old", "new"} {
				err = errors.Join(err, q.InsertSite(ctx, query.InsertSiteParams{ID: id, AccountID: "a", Name: id, Number: int64(i + 1), ChangedAt: int64(1000 * (i + 1))}))
				for _, side := range []string{"primary", "secondary"} {
					err = errors.Join(err, q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: id + side, AccountID: "a", SiteID: id, Side: side}))
				}
			}
			_, void := q.VoidVSocket(ctx, query.VoidVSocketParams{VoidedAt: 2000, Serial: "newsecondary", AccountID: "a"})
			return errors.Join(err, void)
		}))
		missed, err := bus.Missed(s)(ctx, time.UnixMilli(1500))
		fine(err)
		if got := fmt.Sprint(missed.Settings, missed.Void); got != "[newprimary] [newsecondary]" {
			t.Errorf("found %s", got)
		}
		missed, err = bus.Missed(s)(ctx, time.UnixMilli(2000))
		if err != nil || len(missed.Settings)+len(missed.Void) != 0 {
			t.Errorf("%+v, %v", missed, err)
		}
	})
}
