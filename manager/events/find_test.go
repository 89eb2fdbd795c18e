package events

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// Every filter finds what a look at each event finds, newest first, in pages of
// any size, each event once; also where a page ends its look early.
func TestFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := newRig(t, s, Config{})
		r.scanned = 97
		all := r.many(2500)
		hermit := socket{"a", "rare", site.Primary}
		rare := hermit.made(1, event.HAReady, time.Second) // at the very end
		rare.Message = "100% of_it\\ is Here"
		r.keep(hermit, rare)
		if k, err := r.Event(t.Context(), "a", rare.ID); err != nil {
			t.Fatal(err)
		} else {
			all = append(all, k)
		}
		for name, f := range map[string]Filter{
			"all":                 {},
			"site":                {Site: "id-a-s3"},
			"no site":             {Site: "id-a-none"},
			"serial":              {Serial: "A-S3-PRIMARY"},
			"serial elsewhere":    {Serial: "A-S3-PRIMARY", Site: "id-a-s4"},
			"kind":                {Kinds: []event.Kind{event.Connected}},
			"rare kind":           {Kinds: []event.Kind{event.HAReady}},
			"kinds":               {Kinds: []event.Kind{event.Disconnected, event.HAReady, event.FailOver, event.FailOver}},
			"kinds of a site":     {Site: "id-a-s3", Kinds: []event.Kind{event.Connected, event.FailOver}},
			"role":                {Role: site.Secondary},
			"kinds and role":      {Kinds: []event.Kind{event.HAReady, event.Connected, event.LANConnected}, Role: site.Primary},
			"from":                {From: midnight.Add(2000 * time.Second)},
			"from until":          {From: midnight.Add(1000 * time.Second), Until: midnight.Add(1100 * time.Second)},
			"text":                {Text: "NUMBER fail-over"},
			"rare text":           {Text: "here"},
			"texts":               {Text: "5 6"},
			"kinds and text":      {Kinds: []event.Kind{event.HAReady, event.Connected, event.LANConnected}, Text: "5 6"},
			"text with %":         {Text: `100% of_it\`},
			"text with wildcards": {Text: `1%h_re`},
			"everything": {Site: "id-a-s3", Serial: "A-S3-SECONDARY", Kinds: []event.Kind{event.FailOver, event.Connected}, Role: site.Secondary,
				From: midnight.Add(100 * time.Second), Until: midnight.Add(2400 * time.Second), Text: "number"},
		} {
			want := []string{}
			for _, e := range all {
				if f.fits(&e) {
					want = append(want, e.ID.String())
				}
			}
			for _, limit := range []int{23, 500} {
				if got := r.ids("a", f, limit); !reflect.DeepEqual(got, want) {
					t.Errorf("%s, pages of %d: %d found, want %d", name, limit, len(got), len(want))
				}
			}
			if (len(want) == 0) != slices.Contains([]string{"no site", "serial elsewhere", "text with wildcards"}, name) {
				t.Errorf("%s: %d fit", name, len(want))
			}
		}
	})
}

// many keeps events of 20 sites, and as many of another account's, in no order of
// time; and returns the first account's, newest first.
func (r *rig) many(n int) []Kept {
	r.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []event.Kind{event.Connected, event.Disconnected, event.FailOver, event.PassiveConnected, event.LANConnected}
	for _, account := range []string{"a", "b"} {
		var all []event.Event
		for i := range n {
			s := socket{account, fmt.Sprint("s", random.IntN(20)), site.Side(1 + random.IntN(2))}
			r.add(s)
			at := time.Duration(10+random.IntN(n)) * time.Second // some at once
			all = append(all, s.made(uint64(i+1), kinds[random.IntN(len(kinds))], at))
		}
		if result, err := r.Keep(r.t.Context(), sent(r.t, all...)); err != nil || result.Fresh != n {
			r.t.Fatal(result, err)
		}
	}
	all := []Kept{}
	for after := int64(0); ; {
		p := query.EventFeedParams{AccountID: "a", Arrival: after, Limit: feedPage}
		rows, err := r.store.Read().EventFeed(r.t.Context(), p)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		kept, err := keptOfAll(rows)
		if err != nil {
			r.t.Fatal(err)
		}
		all, after = append(all, kept...), rows[len(rows)-1].Arrival
	}
	slices.SortFunc(all, func(a, b Kept) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Arrival, a.Arrival))
	})
	if len(all) != n {
		r.t.Fatalf("%d events, want %d", len(all), n)
	}
	return all
}

// Cursors and filters that nobody can have been given are refused.
func TestRefusedQuestions(t *testing.T) {
	r := newRig(t, storetest.Open(t, storetest.SQLite(t)), Config{})
	for _, cursor := range []string{"x", "1", "1-", "-1", "01-2", "1-2-3", "1-2 ", "99999999999999999999-1"} {
		if _, err := r.Page(t.Context(), "a", Filter{}, cursor, 10); err == nil {
			t.Errorf("cursor %q: accepted", cursor)
		}
	}
	for name, f := range map[string]Filter{
		"long text":  {Text: strings.Repeat("x", mostText+1)},
		"many words": {Text: strings.Repeat("x ", mostWords+1)},
		"many kinds": {Kinds: make([]event.Kind, mostKinds+1)},
	} {
		if _, err := r.Page(t.Context(), "a", f, "", 10); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if err := r.Follow(t.Context(), "a", f, 0, nil); err == nil {
			t.Errorf("%s: followed", name)
		}
	}
}

// FuzzCursor: what is accepted is what String writes.
func FuzzCursor(f *testing.F) {
	f.Add("1764115200000-12")
	f.Add("-5--7")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCursor(text); err == nil && text != "" && c.String() != text {
			t.Fatalf("%q becomes %q", text, c)
		}
	})
}
