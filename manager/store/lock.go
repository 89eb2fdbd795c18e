package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3/database"

	"releve.dev/releve/manager/store/query"
)

// LockTable is the first thing in a transaction of InTx that reads and then writes
// what other managers do too: they do it one after the other. It comes before the
// transaction sees anything, since what waits for a row after that has to begin
// anew. SQLite has one writer anyway.
func (s *Store) LockTable(ctx context.Context, q *query.Queries, table string) error {
	if s.dialect != database.DialectPostgres {
		return nil
	}
	if _, err := q.DB().ExecContext(ctx, "LOCK TABLE "+quoted(table)+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return fmt.Errorf("waiting for other managers with %s: %w", table, err)
	}
	return nil
}
