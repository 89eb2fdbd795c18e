package inventory_test

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a manager with one account, whose clock stands still.
type world struct {
	*testing.T
	*inventory.Service
	store *store.Store
	who   inventory.Actor

	mu      sync.Mutex
	now     time.Time
	notices []inventory.Notice
}

// onBoth runs a story on SQLite and on PostgreSQL.
func onBoth(t *testing.T, story func(w *world)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := &world{T: t, store: s, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		w.Service = inventory.New(s, inventory.Config{Fingerprint: [32]byte{1, 2, 3}, Now: w.clock, Notify: w.hear})
		w.who = w.account("first")
		story(w)
	})
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) hear(n inventory.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices = append(w.notices, n)
}

// heard takes the notices since the last time.
func (w *world) heard() []inventory.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.notices
	w.notices = nil
	return n
}

func (w *world) account(name string) inventory.Actor {
	w.Helper()
	a, err := w.CreateAccount(w.Context(), name)
	w.must(err)
	return inventory.Actor{Account: a.ID, ID: "user:" + name, Request: "r1"}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused wants a refusal of a kind.
func (w *world) refused(err error, kind inventory.Kind) *inventory.Refusal {
	w.Helper()
	var r *inventory.Refusal
	if !errors.As(err, &r) || r.Kind != kind {
		w.Errorf("%v; want a refusal: %s", err, kind)
		return &inventory.Refusal{}
	}
	return r
}

func (w *world) create(name, native, local string) inventory.Site {
	w.Helper()
	s, err := w.CreateSite(w.Context(), w.who, inventory.NewSite{Name: name, Native: pre(native), LocalIP: ip(local)}, inventory.Change{})
	w.must(err)
	return s
}

// enrol takes a vSocket from its serial number to its first report.
func (w *world) enrol(serial site.Serial, version site.Version) {
	w.Helper()
	key, err := w.EnrolKey(w.Context(), w.who, serial, inventory.Change{})
	w.must(err)
	_, err = w.Redeem(w.Context(), serial, key.Secret, "key of "+string(serial))
	w.must(err)
	w.must(w.Seen(w.Context(), serial, version))
}

// read is the site as it is now.
func (w *world) read(id string) inventory.Site {
	w.Helper()
	s, err := w.Site(w.Context(), w.who, id)
	w.must(err)
	return s
}

// pair is a site with high availability on.
func (w *world) pair() inventory.Site {
	w.Helper()
	s := w.create("paris", "10.0.2.0/24", "10.0.2.10")
	w.enrol(s.Primary.Serial, site.Release)
	s, err := w.AddSecondary(w.Context(), w.who, s.ID, at(s), inventory.Secondary{LANIP: ip("10.0.2.11"), FloatingIP: ip("10.0.2.100")})
	w.must(err)
	w.heard()
	return s
}

// audits are the actions of the audit log, newest first.
func (w *world) audits() []inventory.AuditRow {
	w.Helper()
	l, err := w.Audit(w.Context(), w.who, inventory.Page{})
	w.must(err)
	return l.Items
}

func at(s inventory.Site) inventory.Change { return inventory.Change{IfMatch: s.Generation} }

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

func pre(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func named(name string) inventory.Fields { return inventory.Fields{Name: &name} }
