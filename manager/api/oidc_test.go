package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/oidc"
	"releve.dev/releve/manager/oidc/oidctest"
)

var (
	alice   = map[string]any{"sub": "alice-1", "preferred_username": "alice", "groups": []string{"netops"}}
	editors = oidc.Rule{Role: "editor", Value: "netops"}
	viewers = oidc.Rule{Role: "viewer", Value: "helpdesk"}
)

// people are the account's, by name.
func (w *world) people() map[string]access.Person {
	w.t.Helper()
	all, err := w.Access.People(context.Background(), w.ours.Account, "", 100)
	w.fine(err)
	named := map[string]access.Person{}
	for _, p := range all {
		named[p.Name] = p
	}
	return named
}

// A person comes by a provider's word, ends at the page that they wanted, and
// has the role of the rules, each time anew.
func TestProvidersPeople(t *testing.T) {
	w := open(t).provided(alice, editors, viewers)
	b := w.browser()
	if ended := w.through(b, startPath+"?return=/sites/x"); ended.Code != http.StatusSeeOther || ended.Header().Get("Location") != "/sites/x" {
		t.Fatalf("%d to %s: %s", ended.Code, ended.Header().Get("Location"), ended.Body)
	}
	if b.me() != "alice" || w.people()["alice"].Role != access.Editor {
		t.Errorf("got %q, %+v", b.me(), w.people()["alice"])
	}
	if _, left := b.cookies[flowCookie]; left {
		t.Error("the sign-in's cookie is left")
	}
	c := b.cookies[CookieName]
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
		t.Errorf("a session's cookie: %+v", c)
	}
	w.server.Is(map[string]any{"sub": "alice-1", "groups": "helpdesk"})
	w.through(w.browser(), startPath)
	if role := w.people()["alice"].Role; role != access.Viewer {
		t.Errorf("alice is %s still", role)
	}
	w.refusedFor(0, "")
	w.server.Is(map[string]any{"sub": "alice-1"})
	if ended := w.through(w.browser(), startPath); ended.Code != http.StatusForbidden {
		t.Errorf("without a rule: %d", ended.Code)
	}
	w.refusedFor(1, "no rule")
}

// Whom the rules leave out, whose name is taken, who is disabled: nobody comes
// in, and the audit log says why. The provider makes no owner, and doesn't touch
// one.
func TestProvidersStrangers(t *testing.T) {
	w := open(t).provided(alice, editors)
	refused := 0
	no := func(claims map[string]any, reason string) {
		t.Helper()
		refused++
		w.server.Is(claims)
		b := w.browser()
		if ended := w.through(b, startPath); ended.Code != http.StatusForbidden || b.me() != "" {
			t.Errorf("%v: %d, %q", claims, ended.Code, b.me())
		}
		w.refusedFor(refused, reason)
	}
	no(map[string]any{"sub": "bob-1", "preferred_username": "bob", "groups": "guests"}, "no rule")
	no(map[string]any{"sub": "x", "preferred_username": "owner", "groups": "netops"}, "another person's")
	no(map[string]any{"sub": "y", "preferred_username": "two words", "groups": "netops"}, "can be called")
	no(map[string]any{"sub": "z", "email": "z@example.com", "groups": "netops"}, "can be called") // not verified
	w.server.Is(alice)
	w.through(w.browser(), startPath)
	made := w.people()["alice"]
	_, err := w.Access.SetPerson(context.Background(), w.ours, made.ID, access.Editor, true)
	w.fine(err)
	no(alice, "disabled")
	_, err = w.Access.SetPerson(context.Background(), w.ours, made.ID, access.Owner, false)
	w.fine(err)
	w.through(w.browser(), startPath)
	if role := w.people()["alice"].Role; role != access.Owner {
		t.Errorf("an owner is %s after a sign-in", role)
	}
	if _, _, err := w.Access.Login(context.Background(), "alice", "none", "192.0.2.3", ""); err == nil {
		t.Error("a password of who has none")
	}
}

// What is wrong with an answer is refused with the reason, which the audit log
// has too, and begins no session.
func TestProvidersAnswersThatArentGood(t *testing.T) {
	w := open(t).provided(alice, editors)
	for n, c := range []struct {
		err    oidctest.Error
		reason string
	}{
		{oidctest.Error{Claims: map[string]any{"iss": "https://other.example"}}, "different provider"},
		{oidctest.Error{Claims: map[string]any{"aud": "another"}}, "audience"},
		{oidctest.Error{Claims: map[string]any{"exp": w.clock().Add(-time.Hour).Unix()}}, "expired"},
		{oidctest.Error{Claims: map[string]any{"nonce": "another"}}, "nonce"},
		{oidctest.Error{Algorithm: "none"}, "ID token"},
		{oidctest.Error{Stranger: true}, "signature"},
		{oidctest.Error{Refuse: "access_denied"}, "access_denied"},
	} {
		w.server.Err(c.err)
		b := w.browser()
		ended := w.through(b, startPath)
		if ended.Code != http.StatusForbidden || !strings.Contains(ended.Body.String(), c.reason) || b.me() != "" {
			t.Errorf("%s: %d %s", c.reason, ended.Code, ended.Body)
		}
		w.refusedFor(n+1, c.reason)
	}
	if _, some := w.people()["alice"]; some {
		t.Error("alice is here")
	}
}

// A sign-in ends in the browser that began it, once, within ten minutes.
func TestProvidersAnswersOfOthers(t *testing.T) {
	w := open(t).provided(alice, editors)
	mine, victim := w.browser(), w.browser()
	back := w.there(mine, startPath)
	w.there(victim, startPath)
	if ended := victim.send("GET "+back.RequestURI(), nil); ended.Code != http.StatusForbidden || victim.me() != "" {
		t.Errorf("with another's answer: %d", ended.Code)
	}
	w.refusedFor(1, "state")
	if ended := w.browser().send("GET "+back.RequestURI(), nil); ended.Code != http.StatusUnauthorized {
		t.Errorf("in a browser that began nothing: %d", ended.Code)
	}
	replay := &browser{w.world, map[string]*http.Cookie{flowCookie: mine.cookies[flowCookie]}}
	if ended := mine.send("GET "+back.RequestURI(), nil); ended.Code != http.StatusSeeOther {
		t.Errorf("my own: %d %s", ended.Code, ended.Body)
	}
	if ended := replay.send("GET "+back.RequestURI(), nil); ended.Code != http.StatusForbidden {
		t.Errorf("once more: %d", ended.Code)
	}
	late := w.browser()
	back = w.there(late, startPath)
	w.pass(flowLife)
	if ended := late.send("GET "+back.RequestURI(), nil); ended.Code != http.StatusUnauthorized {
		t.Errorf("ten minutes later: %d", ended.Code)
	}
}

// A browser is sent to pages of this manager alone, and to programs on its own
// machine.
func TestWhereASignInEnds(t *testing.T) {
	w := open(t).provided(alice, editors)
	challenge := strings.Repeat("a", 43)
	for _, page := range []string{"https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "evil", "/\tx", "/" + strings.Repeat("x", 500)} {
		if got := w.browser().send("GET "+startPath+"?"+url.Values{"return": {page}}.Encode(), nil); got.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", page, got.Code)
		}
	}
	for _, callback := range []string{"", "https://127.0.0.1:1/", "http://evil.example:1/", "http://localhost:1/", "http://127.0.0.1/", "http://127.0.0.1:1/x",
		"http://127.0.0.1:1/?x", "http://u@127.0.0.1:1/", "http://10.0.0.1:1/"} {
		q := url.Values{"callback": {callback}, "challenge": {challenge}, "state": {"s"}}
		if got := w.browser().send("GET "+startPath+"?"+q.Encode(), nil); got.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", callback, got.Code)
		}
	}
	w.SignIn.Provider = nil
	if got := w.browser().send("GET "+startPath, nil); got.Code != http.StatusNotFound || !strings.Contains(got.Body.String(), "hint: ") {
		t.Errorf("without a provider: %d %s", got.Code, got.Body)
	}
}

// A program that waits on the person's machine gets a code by their browser, and
// a session for it: with its verifier, once, within a minute.
func TestProgramsSignIn(t *testing.T) {
	w := open(t).provided(alice, editors)
	code := func() string {
		q := url.Values{"callback": {"http://127.0.0.1:1234/"}, "challenge": {challengeOf("verifier")}, "state": {"mine"}}
		b := w.browser()
		ended := w.through(b, startPath+"?"+q.Encode())
		to, err := url.Parse(ended.Header().Get("Location"))
		w.fine(err)
		if to.Host != "127.0.0.1:1234" || to.Query().Get("state") != "mine" || b.me() != "" {
			t.Fatalf("sent to %s, %q", to, b.me())
		}
		return to.Query().Get("code")
	}
	exchange := func(status int, code, verifier string) {
		t.Helper()
		want[client.Me](w.browser(), status, "POST "+Prefix+"/session/program", client.ProgramCode{Code: code, Verifier: verifier})
	}
	first := code()
	exchange(http.StatusUnauthorized, first, "another")
	exchange(http.StatusUnauthorized, first+"AA", "verifier")
	exchange(http.StatusOK, first, "verifier")
	exchange(http.StatusUnauthorized, first, "verifier")
	late := code()
	w.pass(programLife)
	exchange(http.StatusUnauthorized, late, "verifier")
	w.server.Err(oidctest.Error{Refuse: "access_denied"})
	q := url.Values{"callback": {"http://127.0.0.1:1234/"}, "challenge": {challengeOf("verifier")}, "state": {"mine"}}
	to := w.through(w.browser(), startPath+"?"+q.Encode()).Header().Get("Location")
	if !strings.HasPrefix(to, "http://127.0.0.1:1234/?error=") || !strings.Contains(to, "access_denied") {
		t.Errorf("a refusal goes to %s", to)
	}
}

// What can't be undone wants the provider to ask anew who it is, of the person
// whose session it is.
func TestProviderConfirms(t *testing.T) {
	w := open(t).provided(alice, editors)
	b := w.browser()
	w.through(b, startPath)
	refuses := func() bool {
		return w.withMatch(b, "DELETE "+w.ofSite(Prefix+"/sites/SITE/secondary")) == http.StatusForbidden
	}
	w.pass(access.ConfirmLife)
	if !refuses() {
		t.Error("unassigned without a confirmation")
	}
	w.server.Is(map[string]any{"sub": "bob-1"})
	if ended := w.through(b, startPath+"?confirm=1"); ended.Code != http.StatusForbidden || !refuses() {
		t.Errorf("confirmed by another person: %d", ended.Code)
	}
	w.refusedFor(1, "somebody else")
	w.server.Is(alice)
	w.server.Err(oidctest.Error{Claims: map[string]any{"auth_time": w.clock().Add(-time.Hour).Unix()}})
	if ended := w.through(b, startPath+"?confirm=1"); ended.Code != http.StatusForbidden || !refuses() {
		t.Errorf("confirmed by an old word: %d", ended.Code)
	}
	w.server.Err(oidctest.Error{})
	if ended := w.through(b, startPath+"?confirm=1"); ended.Code != http.StatusSeeOther || refuses() {
		t.Errorf("not confirmed: %d %s", ended.Code, ended.Body)
	}
	if ended := w.browser().send("GET "+startPath+"?confirm=1", nil); ended.Code != http.StatusUnauthorized {
		t.Errorf("without a session: %d", ended.Code)
	}
}

// An owner may link who is here already to a provider's subject; that person
// keeps their role.
func TestLinks(t *testing.T) {
	w := open(t).provided(alice)
	owner := w.tokens[access.Owner]
	viewer := w.people()["viewer"].ID
	w.want(w.send(owner, "PUT /people/"+viewer+"/identity", `{"subject": "alice-1"}`), http.StatusNoContent, "")
	if linked := w.send(owner, "GET /people/"+viewer+"/identity", ""); linked.status != http.StatusOK || !strings.Contains(linked.body, `"subject":"alice-1"`) {
		t.Errorf("%d %s", linked.status, linked.body)
	}
	w.want(w.send(w.theirs, "GET /people/"+viewer+"/identity", ""), http.StatusNotFound, "absent")
	w.want(w.send(owner, "PUT /people/"+viewer+"/identity", `{"subject": "alice-1"}`), http.StatusConflict, "taken")
	w.want(w.send(w.theirs, "PUT /people/"+viewer+"/identity", `{"subject": "alice-2"}`), http.StatusNotFound, "absent")
	b := w.browser()
	w.through(b, startPath)
	if b.me() != "viewer" || w.people()["viewer"].Role != access.Viewer {
		t.Errorf("got %q", b.me())
	}
	w.want(w.send(owner, "DELETE /people/"+viewer+"/identity", ""), http.StatusNoContent, "")
	if ended := w.through(w.browser(), startPath); ended.Code != http.StatusForbidden {
		t.Errorf("unlinked: %d", ended.Code)
	}
	w.want(w.send(owner, "PUT /people/"+viewer+"/identity", `{"subject": ""}`), http.StatusUnprocessableEntity, string(inventory.Invalid))
}
