package access

import (
	"errors"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
)

// A provider's people on both databases: they come, follow the rules, are linked
// and unlinked, and show again who they are.
func TestOutside(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		alice := Outside{Issuer: "https://login.example", Subject: "1", Name: "alice", Role: Editor, Authenticated: w.clock.now()}
		secret, who, err := w.LoginOutside(w.ctx, alice, "192.0.2.1", "")
		w.fine(err)
		if who.Name != "alice" || who.Role != Editor || who.Account != "a" {
			t.Errorf("got %+v", who)
		}
		alice.Role = Viewer
		_, who, err = w.LoginOutside(w.ctx, alice, "192.0.2.1", "")
		w.fine(err)
		if who.Role != Viewer {
			t.Errorf("is %s still", who.Role)
		}
		w.pass(ConfirmLife)
		who, err = w.BySession(w.ctx, secret)
		w.fine(err)
		w.refused(w.NeedConfirmed(who), Unconfirmed)
		w.refused(w.ConfirmOutside(w.ctx, who, alice, "192.0.2.1", ""), Forbidden) // as old as the session
		alice.Authenticated = w.clock.now()
		w.fine(w.ConfirmOutside(w.ctx, who, alice, "192.0.2.1", ""))
		who, err = w.BySession(w.ctx, secret)
		w.fine(err)
		w.fine(w.NeedConfirmed(who))

		by := w.owner.Actor("")
		w.fine(w.UnlinkPerson(w.ctx, by, who.Person))
		_, _, err = w.LoginOutside(w.ctx, alice, "192.0.2.1", "")
		w.refused(err, Forbidden) // the name is taken: by herself, whom nothing links any more
		w.fine(w.LinkPerson(w.ctx, by, who.Person, alice.Issuer, alice.Subject))
		w.refused(w.LinkPerson(w.ctx, by, w.owner.Person, alice.Issuer, alice.Subject), inventory.Taken)
		alice.Role = "" // of a link no rule is asked
		_, _, err = w.LoginOutside(w.ctx, alice, "192.0.2.1", "")
		w.fine(err)
	})
}

// Where several accounts are, the provider's people come into the one that is
// named, and into none that isn't.
func TestOutsideAccount(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	w.fine(w.store.InTx(w.ctx, func(q *query.Queries) error {
		return q.InsertAccount(w.ctx, query.InsertAccountParams{ID: "b", Name: "b"})
	}))
	bob := Outside{Issuer: "https://login.example", Subject: "2", Name: "bob", Role: Viewer}
	var refusal *inventory.Refusal
	for _, name := range []string{"", "c"} {
		bob.Account = name
		if _, _, err := w.LoginOutside(w.ctx, bob, "192.0.2.1", ""); err == nil || errors.As(err, &refusal) {
			t.Errorf("account %q: %v", name, err)
		}
	}
	bob.Account = "b"
	_, who, err := w.LoginOutside(w.ctx, bob, "192.0.2.1", "")
	w.fine(err)
	if who.Account != "b" || !who.Confirmed.IsZero() {
		t.Errorf("got %+v", who)
	}
	w.refused(w.NeedConfirmed(who), Unconfirmed) // the provider doesn't say when they were asked
	w.refused(w.LinkPerson(w.ctx, w.owner.Actor(""), who.Person, bob.Issuer, "3"), inventory.Absent)
}

// What is good once is so on both databases, and forgotten when it is too old.
func TestSpend(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		until := w.clock.now().Add(time.Minute)
		w.fine(w.Spend(w.ctx, "x", until))
		w.refused(w.Spend(w.ctx, "x", until), Unauthenticated)
		w.fine(w.Spend(w.ctx, "y", until))
		w.pass(2 * time.Minute)
		w.fine(w.Spend(w.ctx, "x", w.clock.now().Add(time.Minute)))
	})
}

// A person's passkeys on both databases; they are theirs alone, and an owner can
// end them.
func TestPasskeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		k := Passkey{ID: "key-1", Name: "laptop", Credential: "{}"}
		w.fine(w.AddPasskey(w.ctx, w.owner, k, ""))
		w.refused(w.AddPasskey(w.ctx, w.owner, Passkey{ID: "key-2"}, ""), inventory.Invalid)
		who, found, err := w.ByPasskey(w.ctx, "key-1")
		w.fine(err)
		if who.Person != w.owner.Person || found.Name != "laptop" || !found.Used.IsZero() {
			t.Errorf("got %+v, %+v", who, found)
		}
		k.Credential = `{"counter": 1}`
		secret, _, err := w.LoginPasskey(w.ctx, k, "192.0.2.1", "")
		w.fine(err)
		_, err = w.BySession(w.ctx, secret)
		w.fine(err)
		_, found, err = w.ByPasskey(w.ctx, "key-1")
		w.fine(err)
		if found.Credential != k.Credential || found.Used.IsZero() {
			t.Errorf("after a use: %+v", found)
		}
		other := &Who{Account: "a", Person: "another", Name: "eve", Confirmed: w.clock.now()}
		w.refused(w.DeletePasskey(w.ctx, other, "key-1", ""), inventory.Absent)
		w.refused(w.DeletePasskey(w.ctx, &Who{Token: "t"}, "key-1", ""), Forbidden)
		w.refused(w.EndPasskeys(w.ctx, inventory.Actor{Account: "another"}, w.owner.Person), inventory.Absent)
		w.fine(w.EndPasskeys(w.ctx, w.owner.Actor(""), w.owner.Person))
		_, _, err = w.ByPasskey(w.ctx, "key-1")
		w.refused(err, Unauthenticated)
		for n := range mostPasskeys {
			w.fine(w.AddPasskey(w.ctx, w.owner, Passkey{ID: string(rune('a' + n)), Name: "x", Credential: "{}"}, ""))
		}
		w.refused(w.AddPasskey(w.ctx, w.owner, Passkey{ID: "z", Name: "x", Credential: "{}"}, ""), inventory.NotNow)
		w.pass(ConfirmLife)
		w.refused(w.AddPasskey(w.ctx, w.owner, Passkey{ID: "late", Name: "x"}, ""), Unconfirmed)
	})
}
