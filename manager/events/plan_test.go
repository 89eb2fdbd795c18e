package events

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// SQLite, which knows nothing of how many rows there are of what, takes the index
// that a list is of, and sorts nothing, for any filter and place.
func TestPlans(t *testing.T) {
	url := storetest.SQLite(t)
	k := New(storetest.Open(t, url), Config{})
	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for index, f := range map[string]Filter{"event_in_time": {}, "event_of_site": {Site: "s"}, "event_of_kind": {Kinds: []event.Kind{event.FailOver}}} {
		for rest := range 16 {
			f := f
			if rest&1 != 0 {
				f.From = midnight
			}
			if rest&2 != 0 {
				f.Until = midnight.Add(time.Hour)
			}
			if rest&4 != 0 {
				f.Role, f.Text = site.Primary, "x"
			}
			if rest&8 != 0 && f.Site != "" {
				f.Serial, f.Kinds = "S", []event.Kind{event.FailOver, event.HAReady}
			}
			for _, after := range []Cursor{latest, {1000, 1}} {
				l := k.lists("a", &f)[0]
				l.after, l.limit, l.scan = after, 50, 1000
				for _, end := range []*Cursor{nil, {500, 1}} {
					text, args := l.ask(end)
					checkPlan(t, db, index, text, args)
				}
				text, args := l.askEnd()
				checkPlan(t, db, index, text, args)
			}
		}
	}
}

// PostgreSQL, which knows how many rows there are of what, looks through the rows
// between two places for a text that few have, and not through the whole table.
func TestPlanOfRareText(t *testing.T) {
	url := storetest.Postgres(t)
	k := New(storetest.Open(t, url), Config{})
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{
		`INSERT INTO account (id, name, created_at) VALUES ('a', 'a', 0)`,
		`INSERT INTO event SELECT 'S', 'boot', n, 'a', 'site', 'site', n, n, n, 0, 'reconnected', 0, 'primary', '', '11.0', '', '', '', '', '', '',
			repeat('words of an event ', 9) || n FROM generate_series(1, 30000) n`,
		`ANALYZE event`,
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	l := k.lists("a", &Filter{Text: "rare"})[0]
	l.after, l.limit, l.scan = Cursor{20_000, 1}, 50, 1000
	text, args := l.ask(&Cursor{19_001, 1})
	if _, err := db.ExecContext(t.Context(), "SET plan_cache_mode = force_custom_plan"); err != nil {
		t.Fatal(err)
	}
	var plan []string
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if all := strings.Join(plan, "\n"); !strings.Contains(all, "Index Scan Backward using event_in_time") {
		t.Errorf("%s\n%s", text[strings.Index(text, "WHERE"):], all)
	}
}

func checkPlan(t *testing.T, db *sql.DB, index, text string, args []any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if len(plan) != 1 || !strings.Contains(plan[0], "SEARCH event USING") || !strings.Contains(plan[0], "INDEX "+index+" ") {
		t.Errorf("%s\n%q, not %s", text[strings.Index(text, "WHERE"):], plan, index)
	}
}
