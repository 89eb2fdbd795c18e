package takeovers

import (
	"errors"
	"testing"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// of is a takeover at a time after noon.
func of(t *testing.T, term site.Term, after time.Duration) []byte {
	t.Helper()
	wall := noon.Add(after)
	o := &takeover.Takeover{Term: term, Side: site.Secondary, Rows: []site.Entry{
		{Wall: wall, Who: "secondary", What: "term granted", Detail: "term " + string(rune('0'+term)) + ", after x"}}}
	raw, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Whatever is sent however often is kept once, in the account that the serial number
// is of, for as long as it is to be.
func TestKeep(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, now := t.Context(), noon.Add(time.Hour)
		k := New(s, func() time.Time { return now })
		fine := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		fine(s.InTx(ctx, func(q *query.Queries) error {
			return errors.Join(
				q.InsertAccount(ctx, query.InsertAccountParams{ID: "a", Name: "a"}),
				q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: "RLV-S", AccountID: "a", SiteID: "paris", Side: "secondary"}))
		}))
		sent := []Sent{{"RLV-S", of(t, 1, 0)}, {"RLV-S", of(t, 2, time.Minute)}, {"RLV-S", of(t, 3, 2*time.Minute)}, {"RLV-S", []byte("{}")}, {"RLV-X", of(t, 4, 0)}}
		for range 2 {
			refused, err := k.Keep(ctx, sent)
			if fine(err); refused != 2 {
				t.Errorf("%d refused", refused)
			}
		}
		var terms []site.Term
		for after := ""; ; {
			p, err := k.Page(ctx, "a", "paris", Span{}, after, 2)
			fine(err)
			for _, o := range p.Takeovers {
				terms = append(terms, o.Term)
				if o.Serial != "RLV-S" || o.Side != site.Secondary {
					t.Errorf("%+v", o)
				}
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if len(terms) != 3 || terms[0] != 3 || terms[2] != 1 {
			t.Errorf("%v", terms)
		}
		if p, err := k.Page(ctx, "a", "paris", Span{From: noon.Add(time.Second), Until: noon.Add(2 * time.Minute)}, "", 0); err != nil || len(p.Takeovers) != 1 || p.Takeovers[0].Term != 2 {
			t.Errorf("%+v, %v", p, err)
		}
		if p, err := k.Page(ctx, "b", "paris", Span{}, "", 0); err != nil || len(p.Takeovers) != 0 {
			t.Errorf("another account sees %+v, %v", p, err)
		}
		if _, err := k.Page(ctx, "a", "paris", Span{}, "1-2-3", 0); !errors.Is(err, ErrCursor) {
			t.Errorf("%v", err)
		}
		if n, err := k.Retain(ctx, 2*time.Hour); err != nil || n != 0 {
			t.Errorf("%d deleted, %v", n, err)
		}
		now = now.Add(3 * time.Hour)
		if n, err := k.Retain(ctx, 2*time.Hour); err != nil || n != 3 {
			t.Errorf("%d deleted, %v", n, err)
		}
	})
}
