package access

import (
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// A person sees their sessions that are good, and ends any of them; nobody else's.
func TestOwnSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.pass(time.Minute)
		first, _, err := w.Login(w.ctx, "olga", password, "192.0.2.7", "")
		w.fine(err)
		w.pass(time.Minute)
		second, who, err := w.Login(w.ctx, "olga", password, "192.0.2.8", "")
		w.fine(err)
		list := w.sessions(who, "192.0.2.8", "192.0.2.7", "192.0.2.1")
		if !list[0].This || list[1].This || list[2].This || !list[0].Began.Equal(w.clock.now()) || !list[0].Expires.Equal(w.clock.now().Add(SessionLife)) {
			t.Errorf("got %+v", list)
		}
		bob, code, err := w.AddPerson(w.ctx, w.owner.Actor(""), "bob", Viewer)
		w.fine(err)
		_, other, err := w.Redeem(w.ctx, code, password, "192.0.2.9", "")
		w.fine(err)
		w.refused(w.EndSession(w.ctx, other, list[1].ID, ""), inventory.Absent)
		w.fine(w.EndSession(w.ctx, who, list[1].ID, ""))
		_, err = w.BySession(w.ctx, first)
		w.refused(err, Unauthenticated)
		w.fine(w.EndOtherSessions(w.ctx, who, ""))
		w.sessions(who, "192.0.2.8")
		_, err = w.BySession(w.ctx, second)
		w.fine(err)
		w.sessions(other, "192.0.2.9")
		_, secret, err := w.NewToken(w.ctx, other, "t", []Action{TokenManage}, 0, "")
		w.fine(err)
		program, err := w.ByToken(w.ctx, secret)
		w.fine(err)
		if w.sessions(program, "192.0.2.9")[0].This {
			t.Error("a token is no session")
		}
		w.fine(w.EndOtherSessions(w.ctx, program, ""))
		w.sessions(other)
		w.pass(SessionIdle)
		w.sessions(who) // it was left unused
		if p, err := w.Person(w.ctx, "a", bob.ID); err != nil || p.SignedIn.IsZero() || p.SignedIn.Before(p.Created) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// sessions are a person's, which were begun from these addresses.
func (w *world) sessions(who *Who, from ...string) []Session {
	w.t.Helper()
	list, err := w.Sessions(w.ctx, who)
	w.fine(err)
	if len(list) != len(from) {
		w.t.Fatalf("%d sessions, want %v: %+v", len(list), from, list)
	}
	for i, s := range list {
		if s.Address != from[i] {
			w.t.Errorf("session %d is from %q, want %q", i, s.Address, from[i])
		}
	}
	return list
}
