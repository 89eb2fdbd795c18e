package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/manager/ui"
	"releve.dev/releve/site"
)

const (
	sitesListed = 10_000
	sitesAsked  = 500 // times, of each page
	sitesMost   = 100 * time.Millisecond
)

// siteLists measures the page of sites as the server makes it: from the request to the
// last byte of HTML, without TLS and network (issue 7).
func siteLists() (_ string, err error) {
	ctx := context.Background()
	began := load()
	dir, err := os.MkdirTemp("", "releve-bench-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := openLists(ctx, dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	var rows [][]string
	for _, p := range []struct{ what, path string }{
		{"the first of all", "/sites"}, {"from the middle", "/sites?after=site-05000"}, {"a search that one fits", "/sites?q=9876"},
		{"a search that all fit", "/sites?q=site"}, {"a search that none fits", "/sites?q=nowhere"}, {"those of a health", "/sites?health=new"},
		{"a tenth, by a tag", "/sites?tag=tenth-3"}, {"a tag and a search", "/sites?tag=tenth-3&q=77"},
	} {
		t, cpu, size, err := l.ask(p.path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.path, err)
		}
		rows = append(rows, []string{p.what, "`" + p.path + "`", both(t), millis(cpu), fmt.Sprintf("%d KB", size>>10)})
	}
	return fmt.Sprintf(`The page of sites with %d of them in SQLite, each with a status that was judged, a tenth of them with each of ten tags: as the server makes it, from the
request to the last byte of HTML, %d times, one after the other; without TLS and network. CPU is all of the process's, divided by the requests: it tells of a machine that others use too. Load average at the start: %s.
The target is a p99 of %s.

`, sitesListed, sitesAsked, began, sitesMost) + table([]string{"list", "address", "median / p99", "CPU of one", "HTML"}, rows), nil
}

// lists is a manager's pages over a database with many sites, and an owner's browser.
type lists struct {
	store    *store.Store
	presence *presence.Service
	handler  http.Handler
	cookies  []*http.Cookie
}

// nobody is a fleet without devices.
type nobody struct{}

func (nobody) Device(site.Serial) (fleet.Device, bool)        { return fleet.Device{}, false }
func (nobody) Watch(...site.Serial) (<-chan struct{}, func()) { return nil, func() {} }
func (nobody) Dial(context.Context, site.Serial, string) (net.Conn, error) {
	return nil, fleet.ErrAway
}

func openLists(ctx context.Context, dir string) (_ *lists, err error) {
	l, quiet := &lists{}, slog.New(slog.DiscardHandler)
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.store, err = store.Open(ctx, "sqlite:"+filepath.Join(dir, "manager.db")); err != nil {
		return nil, err
	}
	if l.presence, err = presence.Open(ctx, presence.Config{Store: l.store, Manager: "bench", Log: quiet}); err != nil {
		return nil, err
	}
	people, sites := access.New(l.store, time.Now), inventory.New(l.store, inventory.Config{})
	account, err := sites.CreateAccount(ctx, "bench")
	if err != nil {
		return nil, err
	}
	by := inventory.Actor{Account: account.ID, ID: "system"}
	_, code, err := people.AddPerson(ctx, by, "owner", access.Owner)
	if err != nil {
		return nil, err
	}
	for i := range sitesListed {
		at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), last}) }
		s, err := sites.CreateSite(ctx, by, inventory.NewSite{Name: fmt.Sprintf("site-%05d", i), Native: netip.PrefixFrom(at(0), 24), LocalIP: at(4),
			Tags: []string{fmt.Sprint("tenth-", i%10), "all"}}, inventory.Change{})
		if err != nil {
			return nil, err
		}
		if _, err := l.presence.Site(ctx, account.ID, s.ID); err != nil { // it is judged, as after a report
			return nil, err
		}
	}
	l.handler = ui.New(ui.Parts{Access: people, Inventory: sites, Events: events.New(l.store, events.Config{}), Takeovers: takeovers.New(l.store, nil),
		Status: l.presence, Fleet: nobody{}, Now: time.Now, Log: quiet}).Handler()
	return l, l.signIn(code)
}

func (l *lists) close() error {
	var err error
	if l.presence != nil {
		err = l.presence.Close()
	}
	if l.store != nil {
		err = errors.Join(err, l.store.Close())
	}
	return err
}

func (l *lists) send(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range l.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	return w
}

func (l *lists) signIn(code string) error {
	form := url.Values{"code": {code}, "password": {"correct horse battery"}}
	r := httptest.NewRequest(http.MethodPost, "https://manager.example/welcome", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := l.send(r)
	if l.cookies = w.Result().Cookies(); w.Code != http.StatusSeeOther || len(l.cookies) == 0 {
		return fmt.Errorf("signing in: %d", w.Code)
	}
	return nil
}

// ask asks for a page many times, and says what CPU one takes and how long it is.
func (l *lists) ask(path string) (t trips, cpu float64, size int, err error) {
	var took []time.Duration
	used := cpuSeconds(os.Getpid())
	for i := range sitesAsked + sitesAsked/10 {
		r := httptest.NewRequest(http.MethodGet, "https://manager.example"+path, nil)
		began := time.Now()
		w := l.send(r)
		if i >= sitesAsked/10 { // the first ones fill caches
			took = append(took, time.Since(began))
		}
		body, err := io.ReadAll(w.Result().Body)
		if w.Code != http.StatusOK || err != nil {
			return t, 0, 0, fmt.Errorf("answer %d, read with %v", w.Code, err)
		}
		size = len(body)
	}
	return ranked(took), (cpuSeconds(os.Getpid()) - used) / (sitesAsked + sitesAsked/10), size, nil
}
