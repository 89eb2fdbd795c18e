package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	"github.com/pressly/goose/v3"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/manager/store/storetest"
)

// Sites from before there were numbers get them, in the order of their making, and
// the next one goes on from there.
func TestOldSitesAreNumbered(t *testing.T) {
	for _, kind := range []struct {
		driver  string
		dialect goose.Dialect
		url     func(testing.TB) string
	}{{"sqlite", goose.DialectSQLite3, storetest.SQLite}, {"pgx", goose.DialectPostgres, storetest.Postgres}} {
		t.Run(kind.driver, func(t *testing.T) {
			t.Parallel()
			url := kind.url(t)
			db, err := sql.Open(kind.driver, strings.TrimPrefix(url, "sqlite:"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			old, err := goose.NewProvider(kind.dialect, db, os.DirFS("migrations"))
			if err == nil {
				_, err = old.UpTo(t.Context(), 5)
			}
			if err != nil {
				t.Fatal(err)
			}
			do := func(statement string) {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			do(`INSERT INTO account VALUES ('a', 'a', 1)`)
			for i, id := range []string{"3", "1", "2"} {
				do(fmt.Sprintf(`INSERT INTO site VALUES ('%s', 'a', 'site %d', 1, '10.0.0.4', '', '', '', 1, 1)`, id, i))
			}
			s := storetest.Open(t, url)
			for id, number := range map[string]int64{"1": 1, "2": 2, "3": 3} {
				if row, err := s.Read().Site(t.Context(), query.SiteParams{ID: id, AccountID: "a"}); err != nil || row.Number != number || row.Pops != "" {
					t.Errorf("%+v, %v", row, err)
				}
			}
			err = s.InTx(t.Context(), func(q *query.Queries) error {
				n, err := q.TakeNumber(t.Context())
				if n != 4 {
					t.Errorf("the next one is %d", n)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
