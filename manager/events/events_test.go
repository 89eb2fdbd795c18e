package events

import (
	"context"
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
	t   *testing.T
	mu  sync.Mutex
	now time.Time
}

func newRig(t *testing.T, s *store.Store, c Config) *rig {
	r := &rig{t: t, now: midnight.Add(24 * time.Hour)}
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

// origin is a vSocket of a site of an account: "a/paris/primary".
func origin(account, name string, side site.Side) Origin {
	return Origin{Account: account, Site: "id-" + name, Serial: strings.ToUpper(account + "-" + name + "-" + side.String())}
}

// made is an event of an origin's.
func made(o Origin, number uint64, kind event.Kind, at time.Duration) event.Event {
	e := event.Event{ID: event.ID{Serial: o.Serial, Boot: "boot1", Number: number}, Kind: kind, Time: midnight.Add(at),
		Since: midnight.Add(at - time.Second), Site: strings.TrimPrefix(o.Site, "id-"), Role: site.Primary, Version: site.Release,
		Message: fmt.Sprintf("number %d", number), PoP: "pop1", Timeline: "t/1"}
	if strings.HasSuffix(o.Serial, "SECONDARY") {
		e.Role = site.Secondary
	}
	if kind.OfSite() {
		e.Slot = event.SlotOf(e.Time)
	}
	return e
}

func (r *rig) keep(o Origin, all ...event.Event) int {
	r.t.Helper()
	fresh, err := r.Keep(r.t.Context(), o, all)
	if err != nil {
		r.t.Fatal(err)
	}
	return fresh
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
		o := origin("a", "paris", site.Secondary)
		e := made(o, 1, event.Upgraded, time.Hour)
		e.OldVersion = &site.Version{Major: 13, Minor: 9}
		e.PeerSerial, e.Interface, e.Reason = "PEER", "eth0", `it's <"odd">`
		r.keep(o, e)
		got, err := r.Event(t.Context(), "a", e.ID)
		if err != nil || !reflect.DeepEqual(got.Event, e) || got.SiteID != o.Site || got.Arrival != 1 || got.Type != event.Sockets ||
			got.SubType != "Socket Upgrade" || !got.KeptAt.Equal(r.now) {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := r.Event(t.Context(), "b", e.ID); err != ErrNone {
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
			all.Go(func() { // two senders for each vSocket, with the same events
				o := origin("a", fmt.Sprint("s", i/2), site.Primary)
				for from := 1; from < each; from += 10 {
					var batch []event.Event
					for n := from; n < from+10; n++ {
						batch = append(batch, made(o, uint64(n), event.Connected, time.Duration(n)*time.Minute))
					}
					n, err := r.Keep(t.Context(), o, batch)
					if err != nil {
						t.Error(err)
					}
					fresh[i] += n
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
		one, two := origin("a", "paris", site.Primary), origin("a", "paris", site.Secondary)
		r.keep(one, made(one, 1, event.HANotReady, 19*time.Second))
		if n := r.keep(two, made(two, 1, event.HANotReady, 21*time.Second), made(two, 2, event.HAReady, 21*time.Second)); n != 1 {
			t.Errorf("%d new, want HA Ready alone", n)
		}
		if n := r.keep(two, made(two, 3, event.HANotReady, 85*time.Second), made(two, 4, event.HANotReady, 86*time.Second)); n != 1 {
			t.Errorf("%d new, want the later one once", n)
		}
		for _, other := range []Origin{origin("a", "lyon", site.Primary), origin("b", "paris", site.Primary)} {
			if n := r.keep(other, made(other, 1, event.HANotReady, 19*time.Second)); n != 1 {
				t.Errorf("of %v: %d new", other, n)
			}
		}
	})
}

// A vSocket is who it is by its certificate; what isn't an event is refused and
// keeps nothing else back.
func TestAccept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o, other := origin("a", "paris", site.Primary), origin("b", "lyon", site.Primary)
		forged, err := event.Encode(made(other, 9, event.Connected, 0))
		if err != nil {
			t.Fatal(err)
		}
		refused, err := r.Accept(t.Context(), o, []Sent{{"boot7", 1, []byte("{")}, {"boot7", 2, forged}, {"boot7", 0, forged}, {"a/b", 3, forged}})
		if refused != 3 || err != nil {
			t.Errorf("%d refused, %v", refused, err)
		}
		if ids := r.ids("a", Filter{}, 10); !reflect.DeepEqual(ids, []string{o.Serial + "/boot7/2"}) {
			t.Errorf("%v", ids)
		}
		if ids := r.ids("b", Filter{}, 10); len(ids) != 0 {
			t.Errorf("in another account: %v", ids)
		}
		if _, err := r.Keep(t.Context(), o, []event.Event{made(other, 9, event.Connected, 0)}); err == nil {
			t.Error("another's serial number: kept")
		}
		lost := Origin{Account: "nobody", Site: "x", Serial: o.Serial}
		if _, err := r.Keep(t.Context(), lost, []event.Event{made(o, 8, event.Connected, 0)}); err == nil {
			t.Error("of no account: kept")
		}
	})
}

// One sender's fault is not that of those who are committed with it.
func TestFaultOfOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o := origin("a", "paris", site.Primary)
		good := &put{rows: []query.Event{rowOf(o, ptr(made(o, 1, event.Connected, 0)), r.now)}, done: make(chan struct{})}
		bad := &put{rows: []query.Event{rowOf(Origin{Account: "nobody"}, ptr(made(o, 2, event.Connected, 0)), r.now)}, done: make(chan struct{})}
		r.pending, r.busy = []*put{bad, good}, true
		r.commitAll()
		if bad.err == nil || good.err != nil || good.fresh != 1 {
			t.Errorf("%v; %v, %d", bad.err, good.err, good.fresh)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// A clock that is ahead puts nothing before what comes later.
func TestClockAhead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o := origin("a", "paris", site.Primary)
		r.keep(o, made(o, 1, event.Connected, 1000*time.Hour))
		r.pass(time.Minute)
		r.keep(o, made(o, 2, event.Disconnected, r.now.Sub(midnight)))
		if ids := r.ids("a", Filter{}, 10); !strings.HasSuffix(ids[0], "/2") {
			t.Errorf("%v", ids)
		}
	})
}

// Retention deletes what was kept before, whatever its own time says, and no more.
func TestRetain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		o, other := origin("a", "paris", site.Primary), origin("b", "lyon", site.Primary)
		var old []event.Event
		for n := range uint64(2 * retainStep) {
			old = append(old, made(o, n+1, event.Connected, time.Duration(n)*time.Millisecond))
		}
		r.keep(o, old...)
		r.keep(other, made(other, 1, event.Connected, 0))
		r.pass(48 * time.Hour)
		r.keep(o, made(o, 5000, event.Connected, 0))
		deleted, err := r.Retain(t.Context(), 24*time.Hour)
		if deleted != 2*retainStep+1 || err != nil {
			t.Errorf("%d deleted, %v", deleted, err)
		}
		if ids := r.ids("a", Filter{}, 10); len(ids) != 1 || !strings.HasSuffix(ids[0], "/5000") {
			t.Errorf("%v are left", ids)
		}
		r.keep(o, made(o, 5001, event.Connected, 0))
		if last, err := r.Last(t.Context(), "a"); last != 2*retainStep+2 || err != nil {
			t.Errorf("arrivals begin anew: %d, %v", last, err)
		}
	})
}

// A sender that gives up isn't told that its events are kept; they may be.
func TestGivesUp(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.busy = true // nobody commits
	o := origin("a", "paris", site.Primary)
	if _, err := r.Keep(ctx, o, []event.Event{made(o, 1, event.Connected, 0)}); err != context.Canceled {
		t.Errorf("%v", err)
	}
}
