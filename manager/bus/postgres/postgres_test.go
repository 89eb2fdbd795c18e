package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/bus/bustest"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func manager(t *testing.T, url string, missed func(context.Context, time.Time) (fleet.Wake, error)) *bustest.Manager {
	t.Helper()
	db := storetest.Open(t, url)
	if missed == nil {
		missed = bus.Missed(db)
	}
	return bustest.Open(t, New(url, db), missed)
}

// What one manager says the other hears, and no other database's manager.
func TestNotify(t *testing.T) {
	url := storetest.Postgres(t)
	a, b, other := manager(t, url, nil), manager(t, url, nil), manager(t, storetest.Postgres(t), nil)
	for _, m := range []*bustest.Manager{a, b, other} {
		m.Listens(t)
	}
	began := time.Now()
	a.Publish(fleet.Wake{Void: []site.Serial{"RLV-1"}})
	b.Until(t, "the other", bustest.Void("RLV-1"))
	t.Logf("heard after %s", time.Since(began).Round(100*time.Microsecond))
	// More than PostgreSQL takes says that all is to be looked at.
	var many []string
	for range 300 {
		many = append(many, strings.Repeat("e", 40)+string(rune('a'+len(many)%26))+strings.Repeat("x", len(many)))
	}
	a.Publish(fleet.Wake{Events: many})
	b.Until(t, "that there is much", bustest.Lost)
	other.Silent(t)
}

// The listening connection is killed: it comes back, and the database is swept
// then.
func TestConnectionIsKilled(t *testing.T) {
	url := storetest.Postgres(t)
	var killed atomic.Bool
	a := manager(t, url, nil)
	b := manager(t, url, func(context.Context, time.Time) (fleet.Wake, error) {
		if killed.Load() {
			return fleet.Wake{Void: []site.Serial{"RLV-2"}}, nil
		}
		return fleet.Wake{}, nil
	})
	a.Listens(t)
	b.Listens(t)
	killed.Store(true)
	if n := kill(t, url); n != 2 {
		t.Fatalf("%d connections killed", n)
	}
	b.Until(t, "that it was deaf", bustest.Lost)
	b.Until(t, "what it has missed", bustest.Void("RLV-2"))
	a.Publish(fleet.Wake{Settings: []site.Serial{"RLV-3"}})
	b.Until(t, "the other", func(w fleet.Wake) bool { return slices.Contains(w.Settings, "RLV-3") })
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

// A sweep finds what has changed since, the PoPs that serve it, and what became void,
// and nothing older.
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
			err = errors.Join(err, q.InsertPoP(ctx, query.InsertPoPParams{ID: "pop1", AccountID: "a", Name: "pop1", Serial: "pop"}))
			_, void := q.VoidVSocket(ctx, query.VoidVSocketParams{VoidedAt: 2000, Serial: "newsecondary", AccountID: "a"})
			return errors.Join(err, void)
		}))
		missed, err := bus.Missed(s)(ctx, time.UnixMilli(1500))
		fine(err)
		if got := fmt.Sprint(missed.Settings, missed.Void); got != "[newprimary pop] [newsecondary]" {
			t.Errorf("found %s", got)
		}
		missed, err = bus.Missed(s)(ctx, time.UnixMilli(2000))
		if err != nil || len(missed.Settings)+len(missed.Void) != 0 {
			t.Errorf("%+v, %v", missed, err)
		}
	})
}
