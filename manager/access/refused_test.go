package access

import (
	"context"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
)

// rows are the account's of one action, the newest first, as text.
func (w *world) rows(action string) []string {
	w.t.Helper()
	all, err := w.store.Read().AuditPage(context.Background(), query.AuditPageParams{AccountID: "a", BeforeID: "g", Most: 10_000})
	w.fine(err)
	var found []string
	for _, r := range all {
		if r.Action == action {
			found = append(found, r.Actor+" "+r.Target+" "+r.After)
		}
	}
	return found
}

// Who tries what they may not do is in the audit log, with what and from where.
func TestRefusalsAreAudited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		_, _, err := w.Login(w.ctx, "olga", "wrong", "192.0.2.7", "r")
		w.refused(err, Unauthenticated)
		viewer := &Who{Account: "a", Person: "v", Name: "vera", Role: Viewer}
		w.refused(w.Refuse(w.ctx, viewer, SiteChange, "delete-site", "192.0.2.8", "r"), Forbidden)
		for action, wants := range map[string][]string{
			"session.refuse": {"user:" + w.owner.Person, "the password is wrong", "192.0.2.7"},
			"action.refuse":  {"user:v site.change", "vera is viewer", "delete-site", "192.0.2.8"},
		} {
			rows := w.rows(action)
			if len(rows) != 1 {
				t.Fatalf("%s: %q", action, rows)
			}
			for _, want := range wants {
				if !strings.Contains(rows[0], want) {
					t.Errorf("%s lacks %q: %s", action, want, rows[0])
				}
			}
		}
	})
}

// Whoever tries without end fills no disk: sixty rows, then one a minute, which
// tells how many are left out. Logins don't hide actions.
func TestRefusalsAreBounded(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	viewer := &Who{Account: "a", Person: "v", Name: "vera", Role: Viewer}
	try := func() { w.refused(w.Refuse(w.ctx, viewer, SiteChange, "x", "192.0.2.8", ""), Forbidden) }
	for range 500 {
		try()
	}
	if n := len(w.rows("action.refuse")); n != refusalsAtOnce {
		t.Errorf("%d rows of 500", n)
	}
	_, _, err := w.Login(w.ctx, "olga", "wrong", "192.0.2.7", "")
	w.refused(err, Unauthenticated)
	if n := len(w.rows("session.refuse")); n != 1 {
		t.Errorf("%d rows of a login", n)
	}
	w.pass(time.Minute)
	try()
	try()
	rows := w.rows("action.refuse")
	if len(rows) != refusalsAtOnce+1 || !strings.Contains(rows[0], `"left_out":440`) {
		t.Errorf("%d rows, the newest %s", len(rows), rows[0])
	}
}
