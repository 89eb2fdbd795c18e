package events

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// midnight is when the tests' events begin.
var midnight = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

// rig is a keeper with a clock of its own, on a database with two accounts.
type rig struct {
	*Keeper
	t       testing.TB
	mu      sync.Mutex
	now     time.Time
	vSocket map[string]bool // that the database has
}

func newRig(t testing.TB, s *store.Store, c Config) *rig {
	r := &rig{t: t, now: midnight.Add(24 * time.Hour), vSocket: map[string]bool{}}
	c.Now = func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.now
	}
	r.Keeper = New(s, c)
	err := s.InTx(t.Context(), func(q *query.Queries) error {
		for _, id := range []string{"a", "b"} {
			if err := q.InsertAccount(t.Context(), query.InsertAccountParams{ID: id, Name: id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// socket is a vSocket of a site of an account.
type socket struct {
	account, name string
	side          site.Side
}

func (s socket) serial() string {
	return strings.ToUpper(s.account + "-" + s.name + "-" + s.side.String())
}

func (s socket) site() string { return "id-" + s.account + "-" + s.name }

// made is an event of a vSocket's.
func (s socket) made(number uint64, kind event.Kind, at time.Duration) event.Event {
	e := event.Event{ID: event.ID{Serial: s.serial(), Boot: "boot1", Number: number}, Kind: kind, Time: midnight.Add(at),
		Since: midnight.Add(at - time.Second), Site: s.name, Role: s.side, Version: site.Release,
		Message: fmt.Sprintf("number %d", number), PoP: "pop1", Timeline: "t/1"}
	if kind.OfSite() {
		e.Slot = event.SlotOf(e.Time)
	}
	return e
}

// add makes vSockets known.
func (r *rig) add(all ...socket) {
	r.t.Helper()
	err := r.store.InTx(r.t.Context(), func(q *query.Queries) error {
		for _, s := range all {
			if r.vSocket[s.serial()] {
				continue
			}
			p := query.InsertVSocketParams{Serial: s.serial(), AccountID: s.account, SiteID: s.site(), Side: s.side.String()}
			if err := q.InsertVSocket(r.t.Context(), p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range all {
		r.vSocket[s.serial()] = true
	}
}

// sent is what a spool makes of events.
func sent(t testing.TB, all ...event.Event) []Sent {
	t.Helper()
	var s []Sent
	for i := range all {
		body, err := event.Encode(all[i])
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, Sent{all[i].ID.Serial, all[i].ID.Boot, all[i].ID.Number, body})
	}
	return s
}

// keep keeps events of a vSocket's, and says how many are new.
func (r *rig) keep(s socket, all ...event.Event) int {
	r.t.Helper()
	r.add(s)
	result, err := r.Keep(r.t.Context(), sent(r.t, all...))
	if err != nil || result.Refused != 0 {
		r.t.Fatal(err, result)
	}
	return result.Fresh
}

// ids are those of all pages of a size.
func (r *rig) ids(account string, f Filter, limit int) []string {
	r.t.Helper()
	ids := []string{}
	for after, pages := "", 0; ; pages++ {
		page, err := r.Page(r.t.Context(), account, f, after, limit)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(page.Events) > limit || pages > 10_000 {
			r.t.Fatalf("page %d of %d events, limit %d", pages, len(page.Events), limit)
		}
		for _, e := range page.Events {
			ids = append(ids, e.ID.String())
		}
		if after = page.Next; after == "" {
			return ids
		}
	}
}

// An event comes out as it was made, whole.
func TestKeptWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o := socket{"a", "paris", site.Secondary}
		e := o.made(1, event.Upgraded, time.Hour)
		e.OldVersion = &site.Version{Major: 13, Minor: 9}
		e.PeerSerial, e.Interface, e.Reason = "PEER", "eth0", `it's <"odd">`
		r.keep(o, e)
		got, err := r.Event(t.Context(), "a", e.ID)
		if err != nil || !reflect.DeepEqual(got.Event, e) || got.SiteID != o.site() || got.Arrival != 1 || got.Type != event.Sockets ||
			got.SubType != "Socket Upgrade" || !got.KeptAt.Equal(r.now) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := r.Event(t.Context(), "b", e.ID); !errors.Is(err, ErrNone) {
			t.Errorf("in another account: %v", err)
		}
	})
}

// However often an event is sent, and by however many at once, it is kept once.
func TestKeptOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		const senders, each = 20, 50
		var all sync.WaitGroup
		fresh := make([]int, senders)
		for i := range senders {
			o := socket{"a", fmt.Sprint("s", i/2), site.Primary} // two senders for each vSocket, with the same events
			r.add(o)
			all.Go(func() {
				for from := 1; from < each; from += 10 {
					var batch []event.Event
					for n := from; n < from+10; n++ {
						batch = append(batch, o.made(uint64(n), event.Connected, time.Duration(n)*time.Minute))
					}
					result, err := r.Keep(t.Context(), sent(t, append(batch, batch[3])...))
					if err != nil {
						t.Error(err)
					}
					fresh[i] += result.Fresh
				}
			})
		}
		all.Wait()
		sum := 0
		for _, n := range fresh {
			sum += n
		}
		got := map[string]bool{}
		for _, id := range r.ids("a", Filter{}, 33) {
			if got[id] {
				t.Errorf("%s: twice", id)
			}
			got[id] = true
		}
		if sum != senders/2*each || len(got) != senders/2*each {
			t.Errorf("%d said to be new, %d found, want %d", sum, len(got), senders/2*each)
		}
	})
}

// What both vSockets of a site have told is kept once, in one batch or in several,
// also over the end of a slot; of another site, account or time it is another event.
func TestTwins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		one, two := socket{"a", "paris", site.Primary}, socket{"a", "paris", site.Secondary}
		r.keep(one, one.made(1, event.HANotReady, 19*time.Second))
		if n := r.keep(two, two.made(1, event.HANotReady, 21*time.Second), two.made(2, event.HAReady, 21*time.Second)); n != 1 {
			t.Errorf("%d new, want HA Ready alone", n)
		}
		if n := r.keep(two, two.made(3, event.HANotReady, 85*time.Second), two.made(4, event.HANotReady, 86*time.Second)); n != 1 {
			t.Errorf("%d new, want the later one once", n)
		}
		for _, other := range []socket{{"a", "lyon", site.Primary}, {"b", "paris", site.Primary}} {
			if n := r.keep(other, other.made(1, event.HANotReady, 19*time.Second)); n != 1 {
				t.Errorf("of %v: %d new", other, n)
			}
		}
	})
}

// A vSocket is who it is by its certificate; what isn't an event is refused and
// keeps nothing else back.
func TestRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		one, other := socket{"a", "paris", site.Primary}, socket{"b", "lyon", site.Primary}
		r.add(one, other)
		forged := sent(t, other.made(9, event.Connected, 0))[0].Body
		for range 2 {
			result, err := r.Keep(t.Context(), []Sent{{one.serial(), "boot7", 1, []byte("{")}, {one.serial(), "boot7", 2, forged},
				{one.serial(), "boot7", 0, forged}, {one.serial(), "a/b", 3, forged}, {"NOBODY", "boot7", 4, forged}})
			if result.Refused != 4 || err != nil {
				t.Errorf("%+v, %v", result, err)
			}
		}
		if ids := r.ids("a", Filter{}, 10); !reflect.DeepEqual(ids, []string{one.serial() + "/boot7/2"}) {
			t.Errorf("%v", ids)
		}
		if ids := r.ids("b", Filter{}, 10); len(ids) != 0 {
			t.Errorf("in another account: %v", ids)
		}
	})
}

// What the manager has seen is told once in a while, of vSockets that there are.
func TestTell(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		one, two := socket{"a", "paris", site.Secondary}, socket{"a", "paris", site.Primary}
		r.add(one, two)
		tell := func(s Sighting) {
			t.Helper()
			if err := r.Tell(t.Context(), s); err != nil {
				t.Error(err)
			}
		}
		void := Sighting{Serial: one.serial(), Kind: event.Refused, Reason: "void", Message: "a\nvoid serial number tried to connect from 10.0.0.1"}
		tell(void)
		tell(void)
		tell(Sighting{Serial: two.serial(), Kind: event.Refused, Reason: "void"})
		tell(Sighting{Serial: one.serial(), Kind: event.OutOfSight})
		tell(Sighting{Serial: "NOBODY", Kind: event.OutOfSight})
		r.pass(again)
		tell(void)
		if n := len(r.ids("a", Filter{}, 10)); n != 4 {
			t.Errorf("%d events", n)
		}
		page, err := r.Page(t.Context(), "a", Filter{Serial: one.serial(), Kinds: []event.Kind{event.Refused}}, "", 1)
		if err != nil || len(page.Events) != 1 {
			t.Fatal(page, err)
		}
		if e := page.Events[0]; e.Type != event.Security || e.Role != site.Secondary || e.SiteID != one.site() || !strings.HasPrefix(e.ID.Boot, "manager-") ||
			e.Message != "a void serial number tried to connect from 10.0.0.1" {
			t.Errorf("%+v", e)
		}
	})
}

// What several managers tell is one event, across the ends of the spans in which
// it is told once, and what happens once is one for ever.
func TestTellTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		one := socket{"a", "paris", site.Secondary}
		r.add(one)
		other := New(s, Config{Now: r.Keeper.now})
		void := Sighting{Serial: one.serial(), Kind: event.Refused, Reason: "void"}
		lost := Sighting{Serial: one.serial(), Kind: event.OutOfSight, Once: 7}
		r.pass(7 * time.Minute) // not where a span begins
		for range 20 {
			for _, k := range []*Keeper{r.Keeper, other} {
				for _, s := range []Sighting{void, lost} {
					if err := k.Tell(t.Context(), s); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.pass(time.Minute)
		}
		if ids := r.ids("a", Filter{}, 10); len(ids) != 3 {
			t.Errorf("%v", ids)
		}
		r.pass(3 * time.Minute)
		fresh := New(s, Config{Now: r.Keeper.now}) // after a restart, in another span
		if err := fresh.Tell(t.Context(), void); err != nil || len(r.ids("a", Filter{}, 10)) != 3+1 {
			t.Errorf("%v, %v", r.ids("a", Filter{}, 10), err)
		}
	})
}

// What couldn't be kept may be told again at once.
func TestTellAgain(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{})
	one := socket{"a", "paris", site.Primary}
	r.add(one)
	lost := Sighting{Serial: one.serial(), Kind: event.OutOfSight}
	if err := r.Tell(t.Context(), lost); err != nil { // finds whose it is
		t.Fatal(err)
	}
	r.pass(again)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Tell(ended, lost); err == nil {
		t.Error("kept after the end")
	}
	if err := r.Tell(t.Context(), lost); err != nil || len(r.ids("a", Filter{}, 10)) != 2 {
		t.Errorf("%v", err)
	}
}

// A clock that is ahead puts nothing before what comes later.
func TestClockAhead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o := socket{"a", "paris", site.Primary}
		r.keep(o, o.made(1, event.Connected, 1000*time.Hour))
		r.pass(time.Minute)
		r.keep(o, o.made(2, event.Disconnected, r.now.Sub(midnight)))
		if ids := r.ids("a", Filter{}, 10); !strings.HasSuffix(ids[0], "/2") {
			t.Errorf("%v", ids)
		}
	})
}

// Retention deletes what was kept before, whatever its own time says, and no more.
func TestRetain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o, other := socket{"a", "paris", site.Primary}, socket{"b", "lyon", site.Primary}
		var old []event.Event
		for n := range uint64(2 * retainStep) {
			old = append(old, o.made(n+1, event.Connected, time.Duration(n)*time.Millisecond))
		}
		r.keep(o, old...)
		r.keep(other, other.made(1, event.Connected, 0))
		r.pass(48 * time.Hour)
		r.keep(o, o.made(5000, event.Connected, 0))
		deleted, err := r.Retain(t.Context(), 24*time.Hour)
		if deleted != 2*retainStep+1 || err != nil {
			t.Errorf("%d deleted, %v", deleted, err)
		}
		if ids := r.ids("a", Filter{}, 10); len(ids) != 1 || !strings.HasSuffix(ids[0], "/5000") {
			t.Errorf("%v are left", ids)
		}
		r.keep(o, o.made(5001, event.Connected, 0))
		if last, err := r.Last(t.Context(), "a"); last != 2*retainStep+2 || err != nil {
			t.Errorf("arrivals begin anew: %d, %v", last, err)
		}
	})
}
