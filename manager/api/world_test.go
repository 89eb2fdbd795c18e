package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/history"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/passkey"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/seal"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a manager with an account "ours", whose site has a secondary, and an
// account "theirs".
type world struct {
	*API
	t       testing.TB
	store   *store.Store
	ours    inventory.Actor
	site    inventory.Site
	tokens  map[access.Role]string // of ours
	theirs  string                 // their owner's token
	handler http.Handler

	mu sync.Mutex
	at time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// nobodyHere is a fleet without devices.
type nobodyHere struct{}

func (nobodyHere) Device(site.Serial) (fleet.Device, bool)        { return fleet.Device{}, false }
func (nobodyHere) Watch(...site.Serial) (<-chan struct{}, func()) { return nil, func() {} }
func (nobodyHere) Dial(context.Context, site.Serial, string) (net.Conn, error) {
	return nil, fleet.ErrAway
}

func newWorld(t testing.TB, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, at: time.Now(), tokens: map[access.Role]string{}}
	parts := Parts{Access: access.New(s, w.clock), Inventory: inventory.New(s, inventory.Config{Now: w.clock}), Store: s, Now: w.clock,
		Events: events.New(s, events.Config{Now: w.clock}), Fleet: nobodyHere{},
		Log: slog.New(slog.DiscardHandler)}
	var err error
	parts.Status, err = presence.Open(context.Background(), presence.Config{Store: s, Manager: "m", Now: w.clock, Log: parts.Log})
	w.fine(err)
	t.Cleanup(func() { _ = parts.Status.(*presence.Service).Close() })
	measured, err := history.Open(history.Config{Store: s, Now: w.clock, Log: parts.Log})
	w.fine(err)
	t.Cleanup(func() { _ = measured.Close() })
	parts.History = measured
	parts.SignIn.Passkeys, err = passkey.New("manager.example", "https://manager.example")
	w.fine(err)
	parts.SignIn.Box, err = seal.New([]byte("a secret of the managers"), w.clock)
	w.fine(err)
	w.API = New(parts)
	w.handler = w.Handler()
	w.ours = w.account("ours")
	for _, role := range access.Roles {
		w.tokens[role] = w.token(w.ours, string(role), role)
	}
	w.theirs = w.token(w.account("theirs"), "theirs", access.Owner)
	w.makeSite()
	return w
}

func (w *world) fine(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) account(name string) inventory.Actor {
	a, err := w.Inventory.CreateAccount(context.Background(), name)
	w.fine(err)
	return inventory.Actor{Account: a.ID, ID: "system"}
}

// token is of a person with a role, and may do all that they may.
func (w *world) token(by inventory.Actor, name string, role access.Role) string {
	p, _, err := w.Access.AddPerson(context.Background(), by, name, role)
	w.fine(err)
	who := &access.Who{Account: by.Account, Person: p.ID, Name: name, Role: role}
	_, secret, err := w.Access.NewToken(context.Background(), who, "all", access.Allowed(role), 0, "")
	w.fine(err)
	return secret
}

func (w *world) makeSite() {
	ctx := context.Background()
	s, err := w.Inventory.CreateSite(ctx, w.ours, inventory.NewSite{Name: "paris", Native: netip.MustParsePrefix("10.0.1.0/24"),
		LocalIP: netip.MustParseAddr("10.0.1.4")}, inventory.Change{})
	w.fine(err)
	seen(w.t, w.Inventory, w.ours, s.Primary.Serial)
	w.site, err = w.Inventory.AddSecondary(ctx, w.ours, s.ID, inventory.Change{IfMatch: s.Generation},
		inventory.Secondary{LANIP: netip.MustParseAddr("10.0.1.5"), FloatingIP: netip.MustParseAddr("10.0.1.6")})
	w.fine(err)
	w.site, err = w.Inventory.AddRange(ctx, w.ours, s.ID, inventory.Change{IfMatch: w.site.Generation},
		inventory.Range{Name: "servers", Prefix: netip.MustParsePrefix("10.2.0.0/16")})
	w.fine(err)
}

// seen is what a vSocket's enrolment and first report do.
func seen(t testing.TB, i *inventory.Service, by inventory.Actor, serial site.Serial) {
	t.Helper()
	ctx := context.Background()
	key, err := i.EnrolKey(ctx, by, serial, inventory.Change{})
	if err == nil {
		_, err = i.Redeem(ctx, serial, key.Secret, "machine")
	}
	if err == nil {
		err = i.Seen(ctx, serial, site.Release)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what a request had.
type answer struct {
	status int
	header http.Header
	body   string
	client.Problem
}

// send is "METHOD PATH", a body, and headers as "Name: value".
func (w *world) send(token, what, body string, headers ...string) answer {
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, "https://manager.example"+Prefix+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, r)
	a := answer{status: recorded.Code, header: recorded.Header(), body: recorded.Body.String()}
	if a.status >= 400 {
		if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
			w.t.Errorf("%s: a refusal of type %q", what, kind)
		}
		w.fine(json.Unmarshal([]byte(a.body), &a.Problem))
		if a.Status != a.status || a.Detail == "" || a.Kind == "" || a.Request == "" {
			w.t.Errorf("%s: a problem that lacks something: %s", what, a.body)
		}
	}
	return a
}

// raw sends what need not be a request, and reports whether it was one.
func (w *world) raw(token, method, target, body, match, key string) (*httptest.ResponseRecorder, bool) {
	r, err := http.NewRequest(method, "https://manager.example"+target, strings.NewReader(body))
	if err != nil {
		return nil, false
	}
	r.RemoteAddr = "192.0.2.1:1"
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("If-Match", match)
	r.Header.Set("Idempotency-Key", key)
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, r)
	return recorded, true
}

// openFor is a SQLite database until a test or fuzzing ends.
func openFor(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "releve.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// want checks status and kind.
func (w *world) want(a answer, status int, kind string) {
	w.t.Helper()
	if a.status != status || a.Kind != kind {
		w.t.Errorf("got %d %q, want %d %q: %s", a.status, a.Kind, status, kind, a.body)
	}
}

// ofSite replaces SITE, NETWORK and SERIAL in a path.
func (w *world) ofSite(path string) string {
	return strings.NewReplacer("SITE", w.site.ID, "NETWORK", w.site.Ranges[0].ID, "SERIAL", string(w.site.Primary.Serial)).Replace(path)
}

// state is all that a refused request mustn't change: the site, the audit log,
// the people. That it was refused is in the log, and anybody may make a token of
// their own.
func (w *world) state() string {
	ctx := context.Background()
	s, err := w.Inventory.Sites(ctx, w.ours, inventory.Page{})
	w.fine(err)
	log, err := w.Inventory.Audit(ctx, w.ours, inventory.Page{Limit: 500})
	w.fine(err)
	log.Items = slices.DeleteFunc(log.Items, func(r inventory.AuditRow) bool {
		return strings.HasPrefix(r.Action, "session.") || strings.HasPrefix(r.Action, "token.") || r.Action == "action.refuse"
	})
	people, err := w.Access.People(ctx, w.ours.Account, "", 100)
	w.fine(err)
	text, err := json.Marshal([]any{s, log, people})
	w.fine(err)
	return string(text)
}

// unchanged runs do, which must change nothing.
func (w *world) unchanged(do func()) {
	w.t.Helper()
	before := w.state()
	do()
	if after := w.state(); after != before {
		w.t.Errorf("something has changed:\n%s\n%s", before, after)
	}
}

// unfinished notes a request as a manager does that dies before it answers.
func (w *world) unfinished(by inventory.Actor, key, request string) {
	w.fine(w.store.InTx(context.Background(), func(q *query.Queries) error {
		_, err := q.BeginAnswer(context.Background(), query.BeginAnswerParams{AccountID: by.Account, Actor: by.ID, Key: key,
			Request: request, At: w.clock().UnixMilli()})
		return err
	}))
}
