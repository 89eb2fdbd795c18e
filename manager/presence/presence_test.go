package presence

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a database with a site of two vSockets, and a clock that stands still
// until it is moved.
type world struct {
	t     *testing.T
	store *store.Store

	mu   sync.Mutex
	at   time.Time
	lost []Lost
}

const (
	primary   site.Serial = "RLV-P"
	secondary site.Serial = "RLV-S"
)

func inWorld(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		w := &world{t: t, store: s, at: time.UnixMilli(1_800_000_000_000).UTC()}
		w.fine(s.InTx(ctx, func(q *query.Queries) error {
			return errors.Join(
				q.InsertAccount(ctx, query.InsertAccountParams{ID: "a", Name: "a"}),
				q.InsertSite(ctx, query.InsertSiteParams{ID: "paris", AccountID: "a", Name: "paris", FloatingIP: "10.0.1.6"}),
				q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: string(primary), AccountID: "a", SiteID: "paris", Side: "primary"}),
				q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: string(secondary), AccountID: "a", SiteID: "paris", Side: "secondary"}),
			)
		}))
		story(w)
	})
}

func (w *world) fine(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// pass lets time pass, while some managers live.
func (w *world) pass(d time.Duration, alive ...*manager) {
	w.t.Helper()
	for ; d > 0; d -= beatEvery {
		w.mu.Lock()
		w.at = w.at.Add(min(d, beatEvery))
		w.mu.Unlock()
		for _, m := range alive {
			w.fine(m.beat(w.t.Context()))
			w.fine(m.judgeDue(w.t.Context()))
		}
	}
}

// manager is a life of one.
type manager struct {
	*Service
	w *world
}

func (w *world) manager(id string) *manager {
	w.t.Helper()
	s, err := Open(w.t.Context(), Config{Store: w.store, Manager: id, Now: w.now, Log: slog.New(slog.DiscardHandler),
		Lost: func(_ context.Context, l Lost) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lost = append(w.lost, l)
			return nil
		}})
	w.fine(err)
	m := &manager{s, w}
	w.t.Cleanup(m.kill)
	return m
}

// kill ends it without a word.
func (m *manager) kill() {
	m.stop()
	m.done.Wait()
}

// hears notes what a vSocket says, and waits until it is kept.
func (m *manager) hears(serial site.Serial, since time.Time, change func(*site.Status)) {
	m.w.t.Helper()
	said := &site.Status{Version: site.Release, HA: site.HAStatus{Configured: true, Ready: true}, Tunnel: &site.TunnelStatus{Up: true}}
	change(said)
	raw, err := json.Marshal(said)
	m.w.fine(err)
	m.Note(Said{Serial: serial, Since: since, Connected: true, Heard: m.w.now(), At: m.w.now(), Status: said, Raw: raw})
	m.flush()
}

// loses notes that its session is over.
func (m *manager) loses(serial site.Serial, since time.Time) {
	m.w.t.Helper()
	m.Note(Said{Serial: serial, Since: since, Heard: m.w.now()})
	m.flush()
}

// flush writes what is pending; the background may be at it too.
func (m *manager) flush() {
	m.w.t.Helper()
	for more := true; more; {
		var err error
		more, err = m.write(m.w.t.Context())
		m.w.fine(err)
	}
}

func master(s *site.Status)  { s.Role, s.Master, s.Term = site.Active, true, 3 }
func standby(s *site.Status) { s.Role = site.Standby }

func (m *manager) site() status.Site {
	m.w.t.Helper()
	s, err := m.Site(m.w.t.Context(), "a", "paris")
	m.w.fine(err)
	return s
}

func (m *manager) text() string {
	m.w.t.Helper()
	return kept(m.site())
}

// told is how often it was told that a vSocket is lost, each time only once.
func (w *world) told() []Lost {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Clone(w.lost)
	slices.SortFunc(all, func(a, b Lost) int { return a.Heard.Compare(b.Heard) })
	return slices.Compact(all)
}

// A site whose vSockets are connected to two managers has one status, with one
// since, which a restart of both doesn't touch.
func TestSameAtEachManager(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.manager("a"), w.manager("b")
		start := w.now()
		a.hears(primary, start, master)
		b.hears(secondary, start, standby)
		s := a.site()
		if s.HA == nil || !s.HA.Ready || s.Master != status.IsPrimary || !s.HA.Since.Equal(start) {
			w.t.Errorf("got %+v", s)
		}
		w.pass(time.Hour, a, b)
		if a.text() != b.text() || a.text() != kept(s) {
			w.t.Errorf("%s\n%s\n%s", a.text(), b.text(), kept(s))
		}
		w.fine(a.Close())
		w.fine(b.Close())
		w.pass(30 * time.Second)
		c := w.manager("c")
		w.pass(beatEvery, c)
		c.hears(primary, w.now(), master)
		c.hears(secondary, w.now(), standby)
		w.pass(time.Hour, c)
		if c.text() != kept(s) {
			w.t.Errorf("%s\n%s", c.text(), kept(s))
		}
		if told := w.told(); len(told) != 0 {
			w.t.Errorf("told %v", told)
		}
	})
}

// What a dead manager's vSockets were is known for a minute; then they are lost,
// once for all managers, and since then.
func TestManagerDies(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.manager("a"), w.manager("b"), w.manager("c")
		a.hears(primary, w.now(), master)
		a.hears(secondary, w.now(), standby)
		w.pass(20*time.Second, a, b, c)
		last := w.now()
		a.kill()
		w.pass(50*time.Second, b, c)
		if s := b.site(); !s.HA.Ready {
			w.t.Errorf("too early: %s", b.text())
		}
		b.hears(secondary, w.now(), standby) // it comes back elsewhere
		w.pass(time.Minute, b, c)
		s := c.site()
		if s.HA.Ready || s.Primary.Connection != status.Down || !s.Primary.Heard.Equal(last) || s.Secondary.Connection != status.Up {
			w.t.Errorf("got %s", c.text())
		}
		if told := w.told(); len(told) != 1 || told[0] != (Lost{string(primary), last}) {
			w.t.Errorf("told %v", told)
		}
		w.pass(10*time.Minute, b, c)
		if again := b.site(); again.HA.Since != s.HA.Since || len(w.told()) != 1 {
			w.t.Errorf("since %s, then %s; told %v", s.HA.Since, again.HA.Since, w.told())
		}
	})
}

// A manager that was taken for dead, and wasn't, has its vSockets again.
func TestManagerComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.manager("a"), w.manager("b")
		a.hears(primary, w.now(), master)
		w.pass(2*time.Minute, b)
		if s := b.site(); s.Primary.Connection != status.Down {
			w.t.Errorf("got %s", b.text())
		}
		w.fine(a.beat(w.t.Context()))
		a.flush()
		w.fine(b.beat(w.t.Context()))
		if s := b.site(); s.Primary.Connection != status.Up {
			w.t.Errorf("got %s", b.text())
		}
	})
}

// A session's late end, at the manager that had it, doesn't count once there is a
// younger one; neither does what it said.
func TestYoungerSessionCounts(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.manager("a"), w.manager("b")
		first := w.now()
		a.hears(primary, first, standby)
		w.pass(time.Second, a, b)
		second := w.now()
		b.hears(primary, second, master)
		w.pass(time.Second, a, b)
		a.hears(primary, first, func(s *site.Status) { s.Role = site.Suspended })
		a.loses(primary, first)
		w.pass(5*time.Minute, a, b)
		if s := a.site(); s.Primary.Connection != status.Up || !s.Primary.Master {
			w.t.Errorf("got %s", a.text())
		}
		b.loses(primary, second)
		ended := w.now()
		w.pass(2*time.Minute, a, b)
		if s := a.site(); s.Primary.Connection != status.Down || !s.Primary.Heard.Equal(ended) {
			w.t.Errorf("got %s", a.text())
		}
		if told := w.told(); len(told) != 1 {
			w.t.Errorf("told %v", told)
		}
	})
}

// Figures are not written, and reasons in which a number runs once a minute.
func TestWritesOnChangeAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.manager("a")
		start, writes := w.now(), map[int64]bool{}
		for n := range 130 {
			a.hears(primary, start, func(s *site.Status) {
				s.Tunnel.ReceivedRate = float64(n)
				s.HA.Indicators = []site.Indicator{{Name: "Azure", Reason: "for " + time.Duration(n).String()}}
			})
			rows, err := w.store.Read().PresencesOfSite(w.t.Context(), query.PresencesOfSiteParams{AccountID: "a", SiteID: "paris"})
			w.fine(err)
			writes[rows[0].ReportedAt] = true
			w.pass(time.Second, a)
		}
		if len(writes) != 3 {
			w.t.Errorf("%d writes", len(writes))
		}
	})
}

// Other devices than a site's vSockets, and void ones, keep nobody else's word from
// being written.
func TestOthersAreNoVSockets(t *testing.T) {
	inWorld(t, func(w *world) {
		ctx := w.t.Context()
		w.fine(w.store.InTx(ctx, func(q *query.Queries) error {
			return q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: "RLV-POP", AccountID: "a", SiteID: "no site", Side: "none"})
		}))
		a := w.manager("a")
		for _, serial := range []site.Serial{"RLV-POP", "RLV-NOBODY"} {
			a.Note(Said{Serial: serial, Since: w.now(), Connected: true, Heard: w.now()})
		}
		a.hears(primary, w.now(), master)
		if s := a.site(); s.Primary.Connection != status.Up {
			w.t.Errorf("got %s", a.text())
		}
	})
}

// Who watches is told of what this manager changes, and of what others do.
func TestWatch(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.manager("a")
		changes, stop := a.Watch("paris")
		a.hears(primary, w.now(), master)
		<-changes
		a.Wake("paris")
		<-changes
		a.WakeAll()
		<-changes
		stop()
		if len(a.watches.of) != 0 {
			w.t.Error("somebody is left")
		}
	})
}
