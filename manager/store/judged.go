package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3/database"

	"releve.dev/releve/manager/store/query"
)

// LockJudged is the first thing in a transaction of InTx that judges sites, as
// LockEvents is in one that keeps events: two managers that judge the two vSockets
// of one site would be in each other's way for ever.
func (s *Store) LockJudged(ctx context.Context, q *query.Queries) error {
	if s.dialect != database.DialectPostgres {
		return nil
	}
	if _, err := q.DB().ExecContext(ctx, "LOCK TABLE judged IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return fmt.Errorf("waiting for other managers' judgements: %w", err)
	}
	return nil
}
