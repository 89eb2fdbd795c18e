package access

import (
	"maps"
	"testing"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// The audit log's ids have names: of who and what is here, and of what is gone;
// another account's have none.
func TestNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		by := w.owner.Actor("")
		bob, _, err := w.AddPerson(w.ctx, by, "bob", Editor)
		w.fine(err)
		first, _, err := w.NewToken(w.ctx, &Who{Account: "a", Person: bob.ID, Name: "bob", Role: Editor}, "terraform", []Action{SiteRead}, 0, "")
		w.fine(err)
		ids := []string{"user:" + bob.ID, bob.ID, "token:" + first.ID, first.ID, "system", "RLV-1", "token:01234567-89ab-cdef-0123-456789abcdef"}
		want := map[string]string{ids[0]: "bob", ids[1]: "bob", ids[2]: "bob's terraform", ids[3]: "bob's terraform", ids[4]: "", ids[5]: "", ids[6]: ""}
		for _, now := range []string{"here", "gone"} {
			got, err := w.Names(w.ctx, "a", ids)
			w.fine(err)
			if !maps.Equal(got, want) {
				t.Errorf("%s: got %v", now, got)
			}
			if now == "here" {
				w.fine(w.DeletePerson(w.ctx, by, bob.ID))
			}
		}
		others, err := w.Names(w.ctx, "another", ids)
		w.fine(err)
		for id, name := range others {
			if name != "" {
				t.Errorf("another account is told that %s is %s", id, name)
			}
		}
	})
}
