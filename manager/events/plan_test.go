package events

import (
	"database/sql"
	"strings"
	"testing"
	"time"

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
