package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// BenchmarkChange is what a change of one vSocket's status costs, in batches as
// they come when a manager's vSockets come back all at once.
func BenchmarkChange(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			ctx, db := b.Context(), storetest.Open(b, url(b))
			const sites = 1000
			err := db.InTx(ctx, func(q *query.Queries) error {
				err := q.InsertAccount(ctx, query.InsertAccountParams{ID: "a", Name: "a"})
				for n := range sites {
					id := fmt.Sprint(n)
					err = errors.Join(err, q.InsertSite(ctx, query.InsertSiteParams{ID: id, AccountID: "a", Name: id, Number: int64(n + 1), FloatingIP: "10.0.0.1"}))
					for _, side := range []string{"primary", "secondary"} {
						err = errors.Join(err, q.InsertVSocket(ctx, query.InsertVSocketParams{Serial: id + side, AccountID: "a", SiteID: id, Side: side}))
					}
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			s, err := Open(ctx, Config{Store: db, Manager: "a", Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			since, raw := time.Now(), make([]byte, 1500)
			copy(raw, `{"role":"active"}`)
			for i := range raw[17:] {
				raw[17+i] = ' '
			}
			b.ResetTimer()
			for n := range b.N {
				st := &site.Status{Term: site.Term(n)}
				side := []string{"primary", "secondary"}[n/sites%2]
				s.Note(Said{Serial: site.Serial(fmt.Sprint(n%sites) + side), Since: since, Connected: true, Heard: since, At: since, Status: st, Raw: raw})
				if n%mostInTx == 0 {
					for more := true; more; {
						if more, err = s.write(ctx); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			if err := s.Close(); err != nil && !errors.Is(err, context.Canceled) {
				b.Fatal(err)
			}
		})
	}
}
