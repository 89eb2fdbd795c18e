package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/history"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/restart"
	"releve.dev/releve/manager/seal"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// world is a manager's pages with the API beside them, and an account.
type world struct {
	*UI
	t        testing.TB
	store    *store.Store
	api      *api.API
	presence *presence.Service
	history  *history.Service
	ours     inventory.Actor
	code     string // the owner's
	handler  http.Handler
	cookies  map[string]string
}

// nobodyHere is a fleet without devices.
type nobodyHere struct{}

func (nobodyHere) Device(site.Serial) (fleet.Device, bool)        { return fleet.Device{}, false }
func (nobodyHere) Watch(...site.Serial) (<-chan struct{}, func()) { return nil, func() {} }
func (nobodyHere) Dial(context.Context, site.Serial, string) (net.Conn, error) {
	return nil, fleet.ErrAway
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx, quiet := context.Background(), slog.New(slog.DiscardHandler)
	w := &world{t: t, cookies: map[string]string{}}
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "releve.db"))
	w.fine(err)
	t.Cleanup(func() { _ = s.Close() })
	w.store = s
	w.presence, err = presence.Open(ctx, presence.Config{Store: s, Manager: "m", Log: quiet})
	w.fine(err)
	t.Cleanup(func() { _ = w.presence.Close() })
	w.history, err = history.Open(history.Config{Store: s, Log: quiet})
	w.fine(err)
	t.Cleanup(func() { _ = w.history.Close() })
	box, err := seal.New([]byte("a secret of the managers"), time.Now)
	w.fine(err)
	people, sites := access.New(s, time.Now), inventory.New(s, inventory.Config{})
	kept, taken := events.New(s, events.Config{}), takeovers.New(s, nil)
	again := &restart.Service{Inventory: sites, Status: w.presence, Fleet: nobodyHere{}}
	keep := status.Retention{Events: 400 * 24 * time.Hour, Figures: status.DefaultRules()}
	w.UI = New(Parts{Access: people, Inventory: sites, Events: kept, Takeovers: taken, Restart: again, Status: w.presence, Fleet: nobodyHere{}, Retention: keep, Now: time.Now, Log: quiet})
	w.api = api.New(api.Parts{Access: people, Inventory: sites, Events: kept, Takeovers: taken, Restart: again, Fleet: nobodyHere{}, Status: w.presence, History: w.history,
		Store: s, Retention: keep, Now: time.Now, Log: quiet, SignIn: api.SignIn{Box: box}})
	w.handler = w.Beside(w.api.Handler())
	account, err := sites.CreateAccount(ctx, "main")
	w.fine(err)
	w.ours = inventory.Actor{Account: account.ID, ID: "system"}
	w.code = w.person("owner", access.Owner)
	return w
}

func (w *world) fine(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// person makes one, and returns their code.
func (w *world) person(name string, role access.Role) string {
	_, code, err := w.Access.AddPerson(context.Background(), w.ours, name, role)
	w.fine(err)
	return code
}

const password = "correct horse battery"

// signedIn gives the world's browser without a script a session.
func (w *world) signedIn(code string) *world {
	w.t.Helper()
	w.want(w.post("/welcome", url.Values{"code": {code}, "password": {password}}), http.StatusSeeOther)
	return w
}

// page is what a request had.
type page struct {
	status int
	header http.Header
	body   string
}

func (w *world) send(r *http.Request) page {
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, r)
	for _, c := range recorded.Result().Cookies() {
		w.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
		}
	}
	return page{recorded.Code, recorded.Header(), recorded.Body.String()}
}

func (w *world) get(path string, headers ...string) page {
	r := httptest.NewRequest(http.MethodGet, "https://manager.example"+path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return w.send(r)
}

func (w *world) post(path string, form url.Values, headers ...string) page {
	r := httptest.NewRequest(http.MethodPost, "https://manager.example"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return w.send(r)
}

func (w *world) want(p page, status int, texts ...string) page {
	w.t.Helper()
	if p.status != status {
		w.t.Fatalf("%d, want %d: %s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			w.t.Errorf("no %q in %s", text, p.body)
		}
	}
	return p
}

// paris is a site; with a pair it has a secondary and HA.
func (w *world) paris(name string, third int, pair bool) inventory.Site {
	w.t.Helper()
	ctx := context.Background()
	in := func(last int) netip.Addr {
		return netip.MustParseAddr(fmt.Sprintf("10.%d.%d.%d", third>>8, third&255, last))
	}
	s, err := w.Inventory.CreateSite(ctx, w.ours, inventory.NewSite{Name: name, Native: netip.PrefixFrom(in(0), 24), LocalIP: in(4)}, inventory.Change{})
	w.fine(err)
	if !pair {
		return s
	}
	w.enrolled(s.Primary.Serial)
	s, err = w.Inventory.AddSecondary(ctx, w.ours, s.ID, inventory.Change{IfMatch: s.Generation}, inventory.Secondary{LANIP: in(5), FloatingIP: in(6)})
	w.fine(err)
	w.enrolled(s.Secondary.Serial)
	return s
}

// enrolled is what a vSocket's enrolment and first report do.
func (w *world) enrolled(serial site.Serial) {
	w.t.Helper()
	ctx := context.Background()
	key, err := w.Inventory.EnrolKey(ctx, w.ours, serial, inventory.Change{})
	if err == nil {
		_, err = w.Inventory.Redeem(ctx, serial, key.Secret, string(serial))
	}
	if err == nil {
		err = w.Inventory.Note(ctx, inventory.Seen(serial, site.Release))
	}
	w.fine(err)
}

// says is what a vSocket reports.
func (w *world) says(serial site.Serial, side site.Side, change func(*site.Status)) {
	w.t.Helper()
	now := time.Now()
	latency := 12.5
	s := &site.Status{Site: "paris", Side: side, Version: site.Release, Role: site.Standby, HA: site.HAStatus{Configured: true, Ready: true,
		Indicators: []site.Indicator{{Name: status.Keepalive, OK: true}}}, Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true, ReceivedRate: 4e6, SentRate: 1e6, Latency: &latency}}
	change(s)
	raw, err := json.Marshal(s)
	w.fine(err)
	w.presence.Note(presence.Said{Serial: serial, Since: now, Connected: true, Heard: now, At: now, Status: s, Raw: raw})
}

func serves(term site.Term) func(*site.Status) {
	return func(s *site.Status) { s.Role, s.Master, s.Term = site.Active, true, term }
}

func stands(term site.Term) func(*site.Status) {
	return func(s *site.Status) { s.Term = term }
}

// until waits until a site's status is so.
func (w *world) until(id string, holds func(status.Site) bool) {
	w.t.Helper()
	changes, stop := w.presence.Watch(id)
	defer stop()
	for limit := time.After(30 * time.Second); ; {
		now, err := w.presence.Site(context.Background(), w.ours.Account, id)
		w.fine(err)
		if holds(now) {
			return
		}
		select {
		case <-changes:
		case <-limit:
			w.t.Fatalf("not within 30 s: %+v", now)
		}
	}
}

// serving has a pair whose primary serves, and HA ready.
func (w *world) serving(s inventory.Site) {
	w.t.Helper()
	w.says(s.Primary.Serial, site.Primary, serves(1))
	w.says(s.Secondary.Serial, site.Secondary, stands(1))
	w.until(s.ID, func(now status.Site) bool { return now.Master == status.IsPrimary && now.HA != nil && now.HA.Ready })
}

// happens keeps an event of a vSocket.
func (w *world) happens(serial site.Serial, side site.Side, number uint64, kind event.Kind, message string) {
	w.t.Helper()
	body, err := event.Encode(event.Event{ID: event.ID{Serial: string(serial), Boot: "b", Number: number}, Kind: kind,
		Time: time.Now().Truncate(time.Millisecond).UTC(), Site: "paris", Role: side, Version: site.Release, Message: message, Timeline: "1/2"})
	w.fine(err)
	kept, err := w.Events.Keep(context.Background(), []events.Sent{{Serial: string(serial), Boot: "b", Number: number, Body: body}})
	w.fine(err)
	if kept.Fresh != 1 {
		w.t.Fatalf("event %d: %+v", number, kept)
	}
}

// serve serves the world to a browser.
func (w *world) serve() string {
	server := httptest.NewUnstartedServer(w.handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	w.t.Cleanup(server.Close)
	return server.URL
}

func mustPrefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// measured has a pair's figures of the last hours kept.
func (w *world) measured(s inventory.Site) {
	w.t.Helper()
	bytes := map[site.Side]uint64{}
	for ago := 25 * time.Hour; ago > 0; ago -= 2 * time.Minute {
		at := time.Now().Add(-ago)
		away := ago > 9*time.Hour && ago < 12*time.Hour // the primary is
		for side, serial := range map[site.Side]site.Serial{site.Primary: s.Primary.Serial, site.Secondary: s.Secondary.Serial} {
			serving := (side == site.Secondary) == away
			latency, loss := 8+4*float64(side)+float64(at.Minute()%7), float64(at.Minute()%3)/2
			now := &site.Status{Side: side, Version: site.Release, Role: site.Standby, Boot: "b", Master: serving,
				Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true, Latency: &latency, Loss: &loss}}
			if serving {
				now.Role = site.Active
				bytes[side] += uint64(300_000_000 + at.Minute()*4_000_000)
			}
			now.Tunnel.Received, now.Tunnel.Sent = bytes[side], bytes[side]/5
			w.history.Note(serial, at, now)
		}
	}
	w.fine(w.history.Close())
}
