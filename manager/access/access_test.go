package access

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is an account with an owner whose password is set.
type world struct {
	*Service
	*clock
	t     *testing.T
	ctx   context.Context
	owner *Who
}

const password = "correct horse battery"

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	w := &world{Service: New(s, c.now), clock: c, t: t, ctx: t.Context()}
	err := s.InTx(w.ctx, func(q *query.Queries) error {
		return q.InsertAccount(w.ctx, query.InsertAccountParams{ID: "a", Name: "a"})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, code, err := w.AddPerson(w.ctx, inventory.Actor{Account: "a", ID: "system"}, "olga", Owner)
	if err != nil {
		t.Fatal(err)
	}
	_, w.owner, err = w.Redeem(w.ctx, code, password, "192.0.2.1", "r1")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// refused checks the kind of a refusal.
func (w *world) refused(err error, kind inventory.Kind) {
	w.t.Helper()
	var r *inventory.Refusal
	if !errors.As(err, &r) || r.Kind != kind {
		w.t.Errorf("got %v, want a refusal of kind %s", err, kind)
	}
}

func (w *world) fine(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		_, _, err := w.Login(w.ctx, "olga", "wrong", "192.0.2.1", "")
		w.refused(err, Unauthenticated)
		_, _, err = w.Login(w.ctx, "nobody", password, "192.0.2.1", "")
		w.refused(err, Unauthenticated)
		secret, _, err := w.Login(w.ctx, "olga", password, "192.0.2.1", "")
		w.fine(err)
		who, err := w.BySession(w.ctx, secret)
		w.fine(err)
		if who.Name != "olga" || who.Role != Owner || who.Account != "a" {
			t.Errorf("got %+v", who)
		}
		for _, bad := range []string{"", secret + "a", secret[:len(secret)-1] + "0", strings.Replace(secret, "rlvs_", "rlvt_", 1)} {
			_, err := w.BySession(w.ctx, bad)
			w.refused(err, Unauthenticated)
		}
		// It lives while it is used, and a day at most.
		for range 13 {
			w.pass(SessionIdle - time.Minute)
			if _, err = w.BySession(w.ctx, secret); err != nil {
				break
			}
		}
		w.refused(err, Unauthenticated)
		secret, _, err = w.Login(w.ctx, "olga", password, "192.0.2.1", "")
		w.fine(err)
		w.pass(SessionIdle)
		_, err = w.BySession(w.ctx, secret)
		w.refused(err, Unauthenticated)
		secret, who, err = w.Login(w.ctx, "olga", password, "192.0.2.1", "")
		w.fine(err)
		w.fine(w.Logout(w.ctx, who, ""))
		_, err = w.BySession(w.ctx, secret)
		w.refused(err, Unauthenticated)
	})
}

// A password is asked for anew before what can't be undone.
func TestConfirm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		secret, who, err := w.Login(w.ctx, "olga", password, "192.0.2.1", "")
		w.fine(err)
		w.fine(w.NeedConfirmed(who))
		w.pass(ConfirmLife)
		w.refused(w.NeedConfirmed(who), Unconfirmed)
		w.refused(w.Confirm(w.ctx, who, "wrong", "192.0.2.1", ""), Unauthenticated)
		w.fine(w.Confirm(w.ctx, who, password, "192.0.2.1", ""))
		w.fine(w.NeedConfirmed(who)) // in this request too
		who, err = w.BySession(w.ctx, secret)
		w.fine(err)
		w.fine(w.NeedConfirmed(who))
	})
}

func TestCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		by := w.owner.Actor("")
		bob, first, err := w.AddPerson(w.ctx, by, "bob", Viewer)
		w.fine(err)
		_, _, err = w.AddPerson(w.ctx, by, "bob", Viewer)
		w.refused(err, inventory.Taken)
		_, second, err := w.NewCode(w.ctx, by, bob.ID)
		w.fine(err)
		_, _, err = w.Redeem(w.ctx, first, password, "192.0.2.2", "") // a new code ends the old one
		w.refused(err, Unauthenticated)
		_, _, err = w.Redeem(w.ctx, second, "short", "192.0.2.2", "")
		w.refused(err, inventory.Invalid)
		_, _, err = w.Redeem(w.ctx, second, password, "192.0.2.2", "")
		w.fine(err)
		_, _, err = w.Redeem(w.ctx, second, password, "192.0.2.2", "") // once
		w.refused(err, Unauthenticated)
		_, third, err := w.NewCode(w.ctx, by, bob.ID)
		w.fine(err)
		w.pass(CodeLife)
		_, _, err = w.Redeem(w.ctx, third, password, "192.0.2.2", "")
		w.refused(err, Unauthenticated)
		// A new password ends the sessions that the old one began.
		secret, _, err := w.Login(w.ctx, "bob", password, "192.0.2.2", "")
		w.fine(err)
		code, err := w.Recover(w.ctx, "bob")
		w.fine(err)
		_, who, err := w.Redeem(w.ctx, code, password+"!", "192.0.2.2", "")
		w.fine(err)
		if who.Role != Owner {
			t.Errorf("who recovers is %s", who.Role)
		}
		_, err = w.BySession(w.ctx, secret)
		w.refused(err, Unauthenticated)
	})
}

func TestTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		_, _, err := w.NewToken(w.ctx, w.owner, "t", nil, 0, "")
		w.refused(err, inventory.Invalid)
		_, _, err = w.NewToken(w.ctx, w.owner, "t", []Action{"site.explode"}, 0, "")
		w.refused(err, inventory.Invalid)
		made, secret, err := w.NewToken(w.ctx, w.owner, "t", []Action{SiteRead, TokenManage}, time.Hour, "")
		w.fine(err)
		who, err := w.ByToken(w.ctx, secret)
		w.fine(err)
		if !who.May(SiteRead) || who.May(SiteChange) {
			t.Error("a token may do what its scopes name, and nothing else")
		}
		_, _, err = w.NewToken(w.ctx, who, "more", []Action{SiteChange}, 0, "")
		w.refused(err, inventory.Invalid)
		all, err := w.Tokens(w.ctx, w.owner)
		w.fine(err)
		if len(all) != 1 || all[0].Used == nil || !all[0].Used.Equal(w.clock.now()) {
			t.Errorf("got %+v", all)
		}
		w.pass(time.Hour)
		_, err = w.ByToken(w.ctx, secret)
		w.refused(err, Unauthenticated)
		_, secret, err = w.NewToken(w.ctx, w.owner, "t", []Action{SiteRead}, 0, "")
		w.fine(err)
		w.refused(w.RevokeToken(w.ctx, &Who{Account: "a", Person: "another"}, made.ID, ""), inventory.Absent)
		all, err = w.Tokens(w.ctx, w.owner)
		w.fine(err)
		w.fine(w.RevokeToken(w.ctx, w.owner, all[1].ID, ""))
		_, err = w.ByToken(w.ctx, secret)
		w.refused(err, Unauthenticated)
	})
}

// A disabled person's sessions and tokens are good no more, at once.
func TestPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		by := w.owner.Actor("")
		bob, code, err := w.AddPerson(w.ctx, by, "bob", Editor)
		w.fine(err)
		session, who, err := w.Redeem(w.ctx, code, password, "192.0.2.2", "")
		w.fine(err)
		_, secret, err := w.NewToken(w.ctx, who, "t", []Action{SiteChange}, 0, "")
		w.fine(err)
		_, err = w.SetPerson(w.ctx, by, bob.ID, Viewer, false)
		w.fine(err)
		who, err = w.ByToken(w.ctx, secret)
		w.fine(err)
		if who.May(SiteChange) {
			t.Error("a token may do what its person no longer may")
		}
		_, err = w.SetPerson(w.ctx, by, bob.ID, Viewer, true)
		w.fine(err)
		_, err = w.ByToken(w.ctx, secret)
		w.refused(err, Unauthenticated)
		_, err = w.BySession(w.ctx, session)
		w.refused(err, Unauthenticated)
		_, _, err = w.Login(w.ctx, "bob", password, "192.0.2.2", "")
		w.refused(err, Unauthenticated)
		w.refused(w.DeletePerson(w.ctx, inventory.Actor{Account: "another", ID: "system"}, bob.ID), inventory.Absent)
		w.fine(w.DeletePerson(w.ctx, by, bob.ID))
		_, err = w.ByToken(w.ctx, secret)
		w.refused(err, Unauthenticated)
		// There is an owner for ever.
		w.refused(w.DeletePerson(w.ctx, by, w.owner.Person), inventory.NotNow)
		_, err = w.SetPerson(w.ctx, by, w.owner.Person, Viewer, false)
		w.refused(err, inventory.NotNow)
		_, err = w.SetPerson(w.ctx, by, w.owner.Person, Owner, true)
		w.refused(err, inventory.NotNow)
		if all, err := w.People(w.ctx, "a", "", 10); err != nil || len(all) != 1 || all[0].Role != Owner || all[0].Disabled {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// Ten tries, then one each ten seconds: by name, and by address.
func TestLoginsAreLimited(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	w.pass(time.Hour)
	login := func(name, from string) error {
		_, _, err := w.Login(w.ctx, name, "wrong", from, "")
		return err
	}
	for range burst {
		w.refused(login("olga", "192.0.2.1"), Unauthenticated)
	}
	var limited *Limited
	for _, try := range [][2]string{{"olga", "192.0.2.9"}, {"other", "192.0.2.1"}} {
		if err := login(try[0], try[1]); !errors.As(err, &limited) || limited.Seconds() != 10 {
			t.Errorf("%v: %v", try, err)
		}
	}
	w.refused(login("other", "192.0.2.9"), Unauthenticated)
	w.pass(refill)
	w.refused(login("olga", "192.0.2.1"), Unauthenticated)
	if err := login("olga", "192.0.2.1"); !errors.As(err, &limited) {
		t.Error("two tries after one refill")
	}
}

func TestTheTableOfRoles(t *testing.T) {
	for _, c := range []struct {
		role Role
		may  []Action
		not  []Action
	}{
		{Viewer, []Action{SiteRead}, []Action{SiteChange, SocketUnassign, SocketEnrol, SocketWebUI, AuditRead, PeopleManage}},
		{Editor, []Action{SiteRead, SiteChange, SocketUnassign, SocketEnrol, SocketWebUI}, []Action{AuditRead, PeopleManage}},
		{Owner, []Action{SiteRead, SiteChange, SocketUnassign, SocketEnrol, AuditRead, PeopleManage}, nil},
		{Auditor, []Action{SiteRead, AuditRead}, []Action{SiteChange, SocketUnassign, SocketEnrol, SocketWebUI, PeopleManage}},
		{"", nil, []Action{SiteRead, TokenManage}},
		{Owner, nil, []Action{"", "site.explode"}},
	} {
		for _, a := range c.may {
			if !Can(c.role, a) {
				t.Errorf("%s may not %s", c.role, a)
			}
		}
		for _, a := range c.not {
			if Can(c.role, a) {
				t.Errorf("%s may %s", c.role, a)
			}
		}
	}
	page, err := os.ReadFile("../../docs/manager.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), Table()) {
		t.Errorf("docs/manager.md doesn't show the table; it is:\n%s", Table())
	}
}

// The forms of secrets: prefix, bits, checksum.
func FuzzSecrets(f *testing.F) {
	f.Add(newSecret(tokenKind))
	f.Add("rlvt_")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if whole(tokenKind, text) && whole(sessionKind, text) {
			t.Errorf("%q is two things", text)
		}
		if whole(tokenKind, text) {
			cut := text[:len(text)-1]
			if whole(tokenKind, cut) || whole(tokenKind, text+"a") {
				t.Errorf("%q is whole, and so is another length of it", text)
			}
		}
	})
}
