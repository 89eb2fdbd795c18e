package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/oidc/oidctest"
)

const redirect = "https://manager.example/auth/oidc/callback"

var alice = map[string]any{"sub": "alice-1", "preferred_username": "alice", "groups": []string{"staff", "netops"}}

func provider(t testing.TB, server *oidctest.Provider, rules ...Rule) *Provider {
	t.Helper()
	p, err := New(Config{Issuer: server.URL, ClientID: oidctest.ClientID, Secret: oidctest.Secret, Redirect: redirect, Rules: rules, HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// browse does what a browser does between Begin and Finish.
func browse(t testing.TB, server *oidctest.Provider, address string) Answer {
	t.Helper()
	c := server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := response.Location()
	if err != nil || !strings.HasPrefix(back.String(), redirect) {
		t.Fatalf("%s: sent to %s, %v", address, back, err)
	}
	return ReadAnswer(back.Query())
}

func begin(t testing.TB, p *Provider, fresh bool) (string, Begun) {
	t.Helper()
	address, begun, err := p.Begin(context.Background(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	return address, begun
}

// Somebody signs in, and has the role of the first rule that fits.
func TestSignIn(t *testing.T) {
	server := oidctest.Start(t, alice)
	for _, c := range []struct {
		rules []Rule
		role  string
	}{
		{[]Rule{{"editor", "netops"}, {"viewer", "*"}}, "editor"},
		{[]Rule{{"viewer", "*"}, {"editor", "netops"}}, "viewer"},
		{[]Rule{{"editor", "bosses"}}, ""},
		{nil, ""},
	} {
		p := provider(t, server, c.rules...)
		address, begun := begin(t, p, false)
		got, err := p.Finish(t.Context(), begun, browse(t, server, address))
		if err != nil {
			t.Fatal(err)
		}
		if got.Subject != "alice-1" || got.Name != "alice" || got.Role != c.role || got.Issuer != server.URL || time.Since(got.Authenticated) > time.Minute {
			t.Errorf("%v: got %+v", c.rules, got)
		}
	}
}

// What the provider says wrongly is refused, and why.
func TestAnswersThatArentGood(t *testing.T) {
	server := oidctest.Start(t, alice)
	p := provider(t, server)
	claim := func(name string, value any) oidctest.Error {
		return oidctest.Error{Claims: map[string]any{name: value}}
	}
	hour := time.Hour.Milliseconds() / 1000
	now := time.Now().Unix()
	for _, c := range []struct {
		what   string
		err    oidctest.Error
		reason string
	}{
		{"another issuer", claim("iss", "https://other.example"), "issued by a different provider"},
		{"another audience", claim("aud", "another"), "audience"},
		{"two audiences, another party", oidctest.Error{Claims: map[string]any{"aud": []string{"releve", "another"}, "azp": "another"}}, "another party"},
		{"two audiences, no party", claim("aud", []string{"releve", "another"}), "another party"},
		{"over", claim("exp", now-hour), "expired"},
		{"no end", claim("exp", nil), "expired"},
		{"not yet", claim("nbf", now+hour), "nbf"},
		{"another nonce", claim("nonce", "x"), "nonce"},
		{"no nonce", claim("nonce", nil), "nonce"},
		{"no subject", claim("sub", nil), "subject"},
		{"a long subject", claim("sub", strings.Repeat("x", 256)), "subject"},
		{"of the future", claim("auth_time", now+hour), "future"},
		{"alg none", oidctest.Error{Algorithm: "none"}, "ID token"},
		{"alg HS256", oidctest.Error{Algorithm: "HS256"}, "ID token"},
		{"another key", oidctest.Error{Stranger: true}, "failed to verify signature"},
		{"no token", oidctest.Error{NoToken: true}, "no ID token"},
		{"a refusal", oidctest.Error{Refuse: "access_denied"}, "access_denied"},
	} {
		server.Err(c.err)
		address, begun := begin(t, p, false)
		_, err := p.Finish(t.Context(), begun, browse(t, server, address))
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.reason) {
			t.Errorf("%s: %v, want %q", c.what, err, c.reason)
		}
	}
}

// An answer is good in the browser that began, once, and of this provider.
func TestAnswersOfOthers(t *testing.T) {
	server := oidctest.Start(t, alice)
	p := provider(t, server)
	address, mine := begin(t, p, false)
	_, others := begin(t, p, false)
	answer := browse(t, server, address)
	crossed := others
	crossed.State = mine.State
	for _, c := range []struct {
		what   string
		begun  Begun
		answer Answer
		reason string
	}{
		{"another state", others, answer, "state"},
		{"no state", Begun{}, Answer{Code: answer.Code}, "state"},
		{"another issuer", mine, Answer{Code: answer.Code, State: mine.State, Issuer: "https://other.example"}, "another issuer"},
		{"no code", mine, Answer{State: mine.State}, "no code"},
		{"another verifier", crossed, answer, "invalid_grant"}, // which uses the code
		{"a used code", mine, answer, "invalid_grant"},
	} {
		_, err := p.Finish(t.Context(), c.begun, c.answer)
		var refused *Refused
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.reason) {
			t.Errorf("%s: %v, want %q", c.what, err, c.reason)
		}
	}
}

// Fresh asks the provider to have the person show anew who they are, and
// believes no older word.
func TestFresh(t *testing.T) {
	server := oidctest.Start(t, alice)
	p := provider(t, server)
	address, begun := begin(t, p, true)
	answer := browse(t, server, address)
	if q := server.Asked(); q.Get("prompt") != "login" || q.Get("max_age") != "0" {
		t.Errorf("asked for %v", q)
	}
	if _, err := p.Finish(t.Context(), begun, answer); err != nil {
		t.Error(err)
	}
	for _, old := range []any{time.Now().Add(-time.Hour).Unix(), nil} {
		server.Err(oidctest.Error{Claims: map[string]any{"auth_time": old}})
		address, begun = begin(t, p, true)
		if _, err := p.Finish(t.Context(), begun, browse(t, server, address)); err == nil || !strings.Contains(err.Error(), "anew") {
			t.Errorf("auth_time %v: %v", old, err)
		}
	}
}

// A provider that isn't there, or is another, is no refusal of a person: the
// error says how to look. It is asked again some seconds later.
func TestProviderNotThere(t *testing.T) {
	at := time.Now()
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"issuer": "https://other.example"}`))
	}))
	defer server.Close()
	p, err := New(Config{Issuer: server.URL, ClientID: "x", HTTP: server.Client(), Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _, err := p.Begin(t.Context(), false)
		var refused *Refused
		if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times at once", asked)
	}
	at = at.Add(retry)
	if _, _, err := p.Begin(t.Context(), false); err == nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	for what, address := range map[string]string{"plain": "http://127.0.0.1:1/keys", "no scheme": "//x"} {
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.RequestURI = ""
		if _, err := careful(nil).Do(r); err == nil || !strings.Contains(err.Error(), "TLS") && what == "plain" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{{}, {Issuer: "http://login.example", ClientID: "x"}, {Issuer: "login.example", ClientID: "x"},
		{Issuer: "https://login.example?x=1", ClientID: "x"}, {Issuer: "https://login.example"}} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	roles := []string{"viewer", "editor", "auditor"}
	for _, text := range []string{"", "editor", "editor=", "=x", "owner=bosses", "king=bosses"} {
		if _, err := ParseRule(text, roles); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("rule %q: %v", text, err)
		}
	}
	if r, err := ParseRule("editor=a=b", roles); err != nil || r != (Rule{"editor", "a=b"}) {
		t.Errorf("%v, %v", r, err)
	}
}

// What a provider or a browser sends makes a refusal or a claim, whatever it is.
func FuzzClaims(f *testing.F) {
	f.Add(`{"groups": ["a"], "realm_access": {"roles": "x"}}`, "realm_access.roles", "state=x&code=y&iss=z")
	f.Add(`{"a": {"a": {"a": 1}}}`, "a.a.a.a", "")
	f.Fuzz(func(t *testing.T, text, path, query string) {
		all := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(text), &all); err == nil {
			for _, v := range values(all, path) {
				if !strings.Contains(text, "\"") {
					t.Errorf("%q out of %q", v, text)
				}
			}
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		p := &Provider{c: Config{Issuer: "https://login.example"}}
		if err := p.fits(Begun{State: "s"}, ReadAnswer(q)); err == nil && q.Get("state") != "s" {
			t.Errorf("%q fits", query)
		}
	})
}
