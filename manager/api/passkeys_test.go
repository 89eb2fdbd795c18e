package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/passkey/passkeytest"
)

const (
	newQuestion     = "POST " + Prefix + "/me/passkeys/question"
	newAnswer       = "POST " + Prefix + "/me/passkeys"
	loginQuestion   = "POST " + Prefix + "/session/passkey/question"
	loginAnswer     = "POST " + Prefix + "/session/passkey"
	confirmQuestion = "POST " + Prefix + "/session/confirm-passkey/question"
	confirmAnswer   = "POST " + Prefix + "/session/confirm-passkey"
)

// register adds a passkey to a browser's session.
func (b *browser) register(name string) *passkeytest.Device {
	b.w.t.Helper()
	d := passkeytest.New(b.w.t, "https://manager.example")
	q := want[client.Question](b, http.StatusOK, newQuestion, nil)
	want[client.Passkey](b, http.StatusCreated, newAnswer, client.NewPasskey{Name: name, Answer: client.Answer{Ceremony: q.Ceremony, Answer: d.Register(q.Options)}})
	return d
}

func sign(q client.Question, d *passkeytest.Device) client.Answer {
	return client.Answer{Ceremony: q.Ceremony, Answer: d.Sign(q.Options)}
}

// A person adds a passkey, signs in with it in another browser, unassigns with
// it, and takes it away.
func TestPasskeys(t *testing.T) {
	w := open(t)
	b := w.browser()
	b.password("olga", access.Owner)
	device := b.register("laptop")

	other := w.browser()
	for range 2 {
		want[client.Me](other, http.StatusOK, loginAnswer, sign(want[client.Question](other, http.StatusOK, loginQuestion, nil), device))
	}
	if other.me() != "olga" {
		t.Fatalf("got %q", other.me())
	}
	unassign := func(status int) {
		t.Helper()
		r := w.withMatch(other, "DELETE "+w.ofSite(Prefix+"/sites/SITE/secondary"))
		if r != status {
			t.Errorf("unassign: %d, want %d", r, status)
		}
	}
	w.pass(access.ConfirmLife)
	unassign(http.StatusForbidden)
	want[struct{}](other, http.StatusNoContent, confirmAnswer, sign(want[client.Question](other, http.StatusOK, confirmQuestion, nil), device))
	unassign(http.StatusOK)

	list := want[client.Page[client.Passkey]](other, http.StatusOK, "GET "+Prefix+"/me/passkeys", nil)
	if len(list.Items) != 1 || list.Items[0].Name != "laptop" || list.Items[0].Used == nil || list.Items[0].ID != device.ID() {
		t.Errorf("got %+v", list)
	}
	want[struct{}](other, http.StatusNoContent, "DELETE "+Prefix+"/me/passkeys/"+device.ID(), nil)
	third := w.browser()
	want[client.Problem](third, http.StatusUnauthorized, loginAnswer, sign(want[client.Question](third, http.StatusOK, loginQuestion, nil), device))
}

// withMatch is a change of the site as it is now.
func (w *world) withMatch(b *browser, what string) int {
	s, err := w.Inventory.Site(context.Background(), w.ours, w.site.ID)
	w.fine(err)
	return b.sendMatch(what, fmt.Sprintf("%q", fmt.Sprint(s.Generation)))
}

// An answer is good once, for what was asked, of whom was asked.
func TestPasskeyAnswersOfOthers(t *testing.T) {
	w := open(t)
	olga, eve := w.browser(), w.browser()
	olga.password("olga", access.Owner)
	eve.password("eve", access.Viewer)
	hers, evil := olga.register("laptop"), eve.register("phone")
	refuse := func(b *browser, status int, what string, body any) {
		t.Helper()
		want[client.Problem](b, status, what, body)
	}
	b := w.browser()
	once := sign(want[client.Question](b, http.StatusOK, loginQuestion, nil), hers)
	want[client.Me](b, http.StatusOK, loginAnswer, once)
	refuse(w.browser(), http.StatusUnauthorized, loginAnswer, once)
	w.refusedFor(1, "copy") // its counter doesn't rise

	q := want[client.Question](olga, http.StatusOK, confirmQuestion, nil)
	refuse(olga, http.StatusUnauthorized, loginAnswer, sign(q, hers))   // asked for something else
	refuse(eve, http.StatusUnauthorized, confirmAnswer, sign(q, hers))  // asked of another
	refuse(olga, http.StatusUnauthorized, confirmAnswer, sign(q, evil)) // another's passkey
	refuse(olga, http.StatusUnauthorized, newAnswer, client.NewPasskey{Name: "x", Answer: sign(q, hers)})
	late := sign(want[client.Question](b, http.StatusOK, loginQuestion, nil), hers)
	w.pass(questionLife)
	refuse(w.browser(), http.StatusUnauthorized, loginAnswer, late)
	// To add a way to sign in, one shows who one is.
	refuse(olga, http.StatusForbidden, newQuestion, nil)
	refuse(olga, http.StatusForbidden, "DELETE "+Prefix+"/me/passkeys/"+hers.ID(), nil)
	w.want(w.send(w.tokens[access.Owner], "POST /session/confirm-passkey/question", ""), http.StatusNotFound, "absent")
}

// Who is disabled, or was recovered by who has the machine, signs in no more by
// a passkey that they had.
func TestPasskeysEnd(t *testing.T) {
	w := open(t)
	b := w.browser()
	p := b.password("olga", access.Owner)
	device := b.register("laptop")
	set := func(disabled bool) {
		_, err := w.Access.SetPerson(context.Background(), w.ours, p.ID, access.Owner, disabled)
		w.fine(err)
	}
	try := func(status int) {
		t.Helper()
		b := w.browser()
		want[map[string]any](b, status, loginAnswer, sign(want[client.Question](b, http.StatusOK, loginQuestion, nil), device))
	}
	set(true)
	try(http.StatusUnauthorized)
	w.refusedFor(1, "disabled")
	set(false)
	try(http.StatusOK)
	_, err := w.Access.Recover(context.Background(), "olga")
	w.fine(err)
	try(http.StatusUnauthorized)
}

// Without a host name there are no passkeys, and the refusal says how to have one.
func TestNoPasskeys(t *testing.T) {
	w := open(t)
	w.SignIn.Passkeys = nil
	b := w.browser()
	b.password("olga", access.Owner)
	for _, what := range []string{newQuestion, loginQuestion, confirmQuestion} {
		if p := want[client.Problem](b, http.StatusNotFound, what, nil); p.Remedy == "" {
			t.Errorf("%s: %+v", what, p)
		}
	}
	ways := want[client.Ways](b, http.StatusOK, "GET "+Prefix+"/session/ways", nil)
	if ways != (client.Ways{Password: true}) {
		t.Errorf("got %+v", ways)
	}
}
