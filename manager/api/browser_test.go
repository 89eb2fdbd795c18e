package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/oidc"
	"releve.dev/releve/manager/oidc/oidctest"
)

// browser keeps cookies, and follows no redirect by itself.
type browser struct {
	w       *world
	cookies map[string]*http.Cookie
}

func (w *world) browser() *browser { return &browser{w: w, cookies: map[string]*http.Cookie{}} }

// sendMatch is "METHOD PATH" with a condition, and returns the status.
func (b *browser) sendMatch(what, match string) int {
	return b.send(what, nil, "If-Match", match).Code
}

// send is "METHOD PATH" of this manager, with a JSON body or none, and a header
// or none.
func (b *browser) send(what string, body any, header ...string) *httptest.ResponseRecorder {
	b.w.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		b.w.fine(err)
	}
	r := httptest.NewRequest(method, "https://manager.example"+path, strings.NewReader(string(text)))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	recorded := httptest.NewRecorder()
	b.w.handler.ServeHTTP(recorded, r)
	for _, c := range recorded.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return recorded
}

// want sends, and decodes the answer of this status.
func want[T any](b *browser, status int, what string, body any) T {
	b.w.t.Helper()
	recorded := b.send(what, body)
	if recorded.Code != status {
		b.w.t.Fatalf("%s: %d, want %d: %s", what, recorded.Code, status, recorded.Body)
	}
	var v T
	if recorded.Body.Len() > 0 {
		b.w.fine(json.Unmarshal(recorded.Body.Bytes(), &v))
	}
	return v
}

// me is who the browser's session is of, or "".
func (b *browser) me() string {
	b.w.t.Helper()
	recorded := b.send("GET "+Prefix+"/me", nil)
	var me client.Me
	if recorded.Code == http.StatusOK {
		b.w.fine(json.Unmarshal(recorded.Body.Bytes(), &me))
	}
	return me.Name
}

// password gives a browser a session of a new person with a password.
func (b *browser) password(name string, role access.Role) access.Person {
	b.w.t.Helper()
	p, code, err := b.w.Access.AddPerson(context.Background(), b.w.ours, name, role)
	b.w.fine(err)
	want[client.Me](b, http.StatusOK, "POST "+Prefix+"/session/redeem", client.Redeem{Code: code, Password: "correct horse battery"})
	return p
}

// provided is a world with a provider of OpenID Connect, by whose word people
// come into the account "ours".
type provided struct {
	*world
	server *oidctest.Provider
}

func (w *world) provided(claims map[string]any, rules ...oidc.Rule) *provided {
	w.t.Helper()
	server := oidctest.Start(w.t, claims)
	server.Clock(w.clock)
	p, err := oidc.New(oidc.Config{Issuer: server.URL, ClientID: oidctest.ClientID, Secret: oidctest.Secret,
		Redirect: "https://manager.example" + CallbackPath, Rules: rules, HTTP: server.Client(), Now: w.clock})
	w.fine(err)
	w.SignIn.Provider, w.SignIn.Account = p, "ours"
	return &provided{w, server}
}

// there takes a browser from a page of ours to the provider and returns where
// that sends it back to.
func (p *provided) there(b *browser, page string) *url.URL {
	p.t.Helper()
	begun := b.send("GET "+page, nil)
	if begun.Code != http.StatusSeeOther {
		p.t.Fatalf("%s: %d %s", page, begun.Code, begun.Body)
	}
	c := p.server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := c.Get(begun.Header().Get("Location"))
	p.fine(err)
	p.fine(response.Body.Close())
	back, err := response.Location()
	p.fine(err)
	return back
}

// through takes a browser to the provider and back.
func (p *provided) through(b *browser, page string) *httptest.ResponseRecorder {
	p.t.Helper()
	return b.send("GET "+p.there(b, page).RequestURI(), nil)
}

// refusals are the rows of the account's audit log of refused sign-ins, the
// newest first.
func (w *world) refusals() []inventory.AuditRow {
	log, err := w.Inventory.Audit(context.Background(), w.ours, inventory.Page{Limit: 500})
	w.fine(err)
	var rows []inventory.AuditRow
	for _, r := range log.Items {
		if r.Action == "session.refuse" {
			rows = append(rows, r)
		}
	}
	return rows
}

// refusedFor checks that the newest refusal's row says so.
func (w *world) refusedFor(count int, reason string) {
	w.t.Helper()
	rows := w.refusals()
	if len(rows) != count || count > 0 && !strings.Contains(rows[0].After, reason) {
		w.t.Errorf("%d rows, want %d, the newest of %q: %+v", len(rows), count, reason, rows)
	}
}

func open(t *testing.T) *world { return newWorld(t, openFor(t)) }
