package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
)

// changes are all of a site, each with a body that is fine.
var changes = []struct{ what, body string }{
	{"PATCH /sites/SITE", `{"name": "lyon"}`},
	{"PATCH /sites/SITE/ha", `{"floating_ip": "10.0.1.7"}`},
	{"PATCH /sites/SITE/native", `{"local_ip": "10.0.1.8"}`},
	{"POST /sites/SITE/networks", `{"name": "more", "subnet": "10.3.0.0/16"}`},
	{"PUT /sites/SITE/networks/NETWORK", `{"name": "servers", "subnet": "10.4.0.0/16", "gateway": "10.0.1.9"}`},
	{"DELETE /sites/SITE/networks/NETWORK", ""},
	{"DELETE /sites/SITE/secondary", ""},
	{"POST /sites/SITE/secondary", `{"lan_ip": "10.0.1.5", "floating_ip": "10.0.1.6"}`},
	{"DELETE /sites/SITE", ""},
}

// Each change names the generation that its author saw, is tried without an
// effect, and raises the generation.
func TestChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		owner := w.tokens[access.Owner]
		generation := w.site.Generation
		for _, c := range changes {
			what, now := w.ofSite(c.what), fmt.Sprintf("If-Match: %q", fmt.Sprint(generation))
			w.unchanged(func() {
				w.want(w.send(owner, what, c.body), http.StatusPreconditionRequired, "missing")
				w.want(w.send(owner, what, c.body, fmt.Sprintf("If-Match: %q", fmt.Sprint(generation-1))), http.StatusPreconditionFailed, "stale")
				for _, bad := range []string{"*", `W/"3"`, "3", `"x"`, `"0"`, `"-1"`, `""`} {
					w.want(w.send(owner, what, c.body, "If-Match: "+bad), http.StatusBadRequest, "malformed")
				}
				if tried := w.send(owner, what+"?dry_run=true", c.body, now); tried.status/100 != 2 {
					t.Errorf("%s: tried: %d %s", what, tried.status, tried.body)
				}
			})
			got := w.send(owner, what, c.body, now)
			if c.what == "DELETE /sites/SITE/secondary" || c.what == "POST /sites/SITE/secondary" || got.status == http.StatusOK {
				generation++
			}
			if got.status/100 != 2 || got.status == http.StatusOK && got.header.Get("ETag") != etag(generation) {
				t.Fatalf("%s: %d, %q: %s", what, got.status, got.header.Get("ETag"), got.body)
			}
			if c.what == "POST /sites/SITE/secondary" {
				w.want(w.send(owner, w.ofSite("DELETE /sites/SITE"), "", fmt.Sprintf("If-Match: %q", fmt.Sprint(generation))), http.StatusConflict, "not-now")
				generation++
				w.want(w.send(owner, w.ofSite("DELETE /sites/SITE/secondary"), "", fmt.Sprintf("If-Match: %q", fmt.Sprint(generation-1))), http.StatusOK, "")
			}
		}
		w.want(w.send(owner, w.ofSite("GET /sites/SITE"), ""), http.StatusNotFound, "absent")
	})
}

func TestCreateAndList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		owner := w.tokens[access.Owner]
		for i := range 5 {
			body := fmt.Sprintf(`{"name": "site-%d", "subnet": "10.1%d.0.0/24", "local_ip": "10.1%d.0.4"}`, i, i, i)
			w.unchanged(func() { w.want(w.send(owner, "POST /sites?dry_run=true", body), http.StatusOK, "") })
			w.want(w.send(owner, "POST /sites", body), http.StatusCreated, "")
			w.want(w.send(owner, "POST /sites", body), http.StatusConflict, "taken")
		}
		var names []string
		after := ""
		for range 10 {
			var page client.Page[client.Site]
			w.fine(json.Unmarshal([]byte(w.send(owner, "GET /sites?limit=2"+after, "").body), &page))
			for _, s := range page.Items {
				names = append(names, s.Name)
			}
			if page.Next == "" {
				break
			}
			after = "&after=" + page.Next
		}
		if got := strings.Join(names, " "); got != "paris site-0 site-1 site-2 site-3 site-4" {
			t.Errorf("got %q", got)
		}
		var page client.Page[client.Site]
		w.fine(json.Unmarshal([]byte(w.send(owner, "GET /sites?name=site-3", "").body), &page))
		if len(page.Items) != 1 || page.Items[0].Name != "site-3" || page.Items[0].Type != "Azure vSocket" {
			t.Errorf("got %+v", page)
		}
	})
}

// Another account's is absent, whatever is asked of it, and stays as it is.
func TestAnotherAccountsIsAbsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.unchanged(func() {
			for _, c := range changes {
				w.want(w.send(w.theirs, w.ofSite(c.what), c.body, fmt.Sprintf("If-Match: %q", fmt.Sprint(w.site.Generation))), http.StatusNotFound, "absent")
			}
			for _, what := range []string{"GET /sites/SITE", "GET /sockets/SERIAL", "POST /sockets/SERIAL/enrol-key"} {
				w.want(w.send(w.theirs, w.ofSite(what), ""), http.StatusNotFound, "absent")
			}
			people, err := w.Access.People(context.Background(), w.ours.Account, "", 1)
			w.fine(err)
			id := people[0].ID
			w.want(w.send(w.theirs, "PUT /people/"+id, `{"role": "viewer", "disabled": true}`), http.StatusNotFound, "absent")
			w.want(w.send(w.theirs, "DELETE /people/"+id, ""), http.StatusNotFound, "absent")
			w.want(w.send(w.theirs, "POST /people/"+id+"/code", ""), http.StatusNotFound, "absent")
		})
		if list := w.send(w.theirs, "GET /sites", ""); !strings.Contains(list.body, `"items":[]`) {
			t.Errorf("their list: %s", list.body)
		}
		if log := w.send(w.theirs, "GET /audit", ""); strings.Contains(log.body, w.site.ID) {
			t.Errorf("their audit log: %s", log.body)
		}
	})
}

// Every operation of the API is tried by everybody: who may do what is the
// table of roles', and nothing else's.
func TestEveryOperationAsksWhoMay(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	asked := 0
	for path, item := range w.Spec().Paths {
		for method, op := range map[string]any{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			text, err := json.Marshal(op)
			w.fine(err)
			if string(text) == "null" || !strings.Contains(string(text), `"security"`) {
				continue
			}
			asked++
			what := method + " " + strings.TrimPrefix(strings.NewReplacer("{", "", "}", "").Replace(path), Prefix)
			w.unchanged(func() {
				for _, nobody := range []string{"", "rlvt_x", w.theirs + "a", strings.Replace(w.theirs, "rlvt_", "rlvs_", 1)} {
					w.want(w.send(nobody, what, `{"x`), http.StatusUnauthorized, "unauthenticated")
				}
				for _, role := range access.Roles {
					if action := needs(string(text)); action != "" && !access.Can(role, action) {
						w.want(w.send(w.tokens[role], what, `{"x`), http.StatusForbidden, "forbidden")
					}
				}
			})
		}
	}
	if asked < 25 {
		t.Errorf("only %d operations", asked)
	}
}

// needs reads the action out of an operation's description.
func needs(operation string) access.Action {
	_, rest, found := strings.Cut(operation, "Needs `")
	if !found {
		return ""
	}
	action, _, _ := strings.Cut(rest, "`")
	return access.Action(action)
}

// A body that can't be understood has the status that says why.
func TestMalformedInput(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	owner := w.tokens[access.Owner]
	fine := `{"name": "x", "subnet": "10.9.0.0/24", "local_ip": "10.9.0.4"}`
	w.unchanged(func() {
		for _, c := range []struct {
			what, body string
			status     int
			kind       string
			headers    []string
		}{
			{"POST /sites", "", 400, "malformed", nil},
			{"POST /sites", "{", 400, "malformed", nil},
			{"POST /sites", "[]", 422, "invalid", nil},
			{"POST /sites", "null", 422, "invalid", nil},
			{"POST /sites", `{"name": 7, "subnet": "10.9.0.0/24", "local_ip": "10.9.0.4"}`, 422, "invalid", nil},
			{"POST /sites", strings.Replace(fine, "}", `, "extra": 1}`, 1), 422, "invalid", nil},
			{"POST /sites?dry=1", fine, 422, "invalid", nil},
			{"POST /sites?dry_run=perhaps", fine, 422, "invalid", nil},
			{"POST /sites", fine, 415, "media-type", []string{"Content-Type: text/xml"}},
			{"POST /sites", strings.Replace(fine, "x", strings.Repeat("x", mostBody), 1), 413, "too-large", nil},
			{"POST /sites", strings.Replace(fine, "x", strings.Repeat("x", mostBody), 1), 413, "too-large", []string{"Idempotency-Key: k"}},
			{"POST /sites", fine, 400, "malformed", []string{"Idempotency-Key: " + strings.Repeat("k", 201)}},
			{"POST /sites", fine, 403, "forbidden", []string{"Origin: https://evil.example"}},
			{"GET /sites?limit=501", "", 422, "invalid", nil},
			{"GET /sites?limit=x", "", 422, "invalid", nil},
			{"GET /nothing", "", 404, "absent", nil},
			{"PUT /sites", "{}", 405, "method", nil},
		} {
			got := w.send(owner, c.what, c.body, c.headers...)
			if got.status != c.status || got.Kind != c.kind {
				t.Errorf("%s %.60s %.40v: got %d %q, want %d %q: %.200s", c.what, c.body, c.headers, got.status, got.Kind, c.status, c.kind, got.body)
			}
		}
	})
	if got := w.send("", "POST /session", `{"name": "x", "password": {"secret": "hunter2"}}`); strings.Contains(got.body, "hunter2") {
		t.Errorf("a password comes back: %s", got.body)
	}
}

// A refusal of addresses names the field, the rule and the address (E6).
func TestRefusalsOfAddresses(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	got := w.send(w.tokens[access.Editor], "POST /sites", `{"name": "x", "subnet": "10.9.0.0/24", "local_ip": "10.9.0.3"}`)
	w.want(got, http.StatusUnprocessableEntity, "invalid")
	if len(got.Faults) != 1 || !strings.Contains(got.Detail, "10.9.0.3 is reserved by Azure") || got.Faults[0].Rule == "" {
		t.Errorf("got %s", got.body)
	}
}

// Unassign wants the password, given within five minutes; a token its scope.
func TestUnassignIsConfirmed(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	ctx := context.Background()
	_, code, err := w.Access.AddPerson(ctx, w.ours, "eve", access.Editor)
	w.fine(err)
	begun := w.send("", "POST /session/redeem", fmt.Sprintf(`{"code": %q, "password": "correct horse battery"}`, code))
	w.want(begun, http.StatusOK, "")
	cookie := begun.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-releve=rlvs_") || !strings.HasSuffix(cookie, "; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("cookie %q", cookie)
	}
	cookie, _, _ = strings.Cut(cookie, ";")
	w.pass(access.ConfirmLife)
	unassign := func() answer {
		return w.send("", w.ofSite("DELETE /sites/SITE/secondary"), "", "Cookie: "+cookie, fmt.Sprintf("If-Match: %q", fmt.Sprint(w.site.Generation)))
	}
	w.unchanged(func() { w.want(unassign(), http.StatusForbidden, "unconfirmed") })
	w.want(w.send("", "POST /session/confirm", `{"password": "wrong horse"}`, "Cookie: "+cookie), http.StatusUnauthorized, "unauthenticated")
	w.want(w.send("", "POST /session/confirm", `{"password": "correct horse battery"}`, "Cookie: "+cookie), http.StatusNoContent, "")
	w.want(unassign(), http.StatusOK, "")
	w.want(w.send("", "DELETE /session", "", "Cookie: "+cookie), http.StatusNoContent, "")
	w.want(w.send("", "GET /me", "", "Cookie: "+cookie), http.StatusUnauthorized, "unauthenticated")
}

// What isn't a refusal is for the log: a person is told the request's id.
func TestFailuresAreNotTold(t *testing.T) {
	s, err := store.Open(t.Context(), storetest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := w.send(w.tokens[access.Owner], "GET /sites", "", "X-Request-Id: mine-1")
	w.want(got, http.StatusInternalServerError, "internal")
	if strings.Contains(got.body, "sql") || got.Request != "mine-1" || got.header.Get("X-Request-Id") != "mine-1" {
		t.Errorf("got %s", got.body)
	}
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, httptest.NewRequest("GET", "/readyz", nil))
	if recorded.Code != http.StatusServiceUnavailable {
		t.Errorf("ready without a database: %d", recorded.Code)
	}
}
