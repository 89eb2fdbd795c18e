package access

import (
	"context"
	"fmt"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// Spend uses what is good once; a second use is refused, at each manager. Only
// what was good comes here, so strangers fill nothing.
func (s *Service) Spend(ctx context.Context, id string, until time.Time) error {
	return s.store.InTx(ctx, func(q *query.Queries) error {
		if err := q.DeleteOldSpent(ctx, s.millis()); err != nil {
			return fmt.Errorf("forgetting what is too old: %w", err)
		}
		n, err := q.Spend(ctx, query.SpendParams{ID: id, ExpiresAt: until.UnixMilli()})
		switch {
		case err != nil:
			return fmt.Errorf("using what is good once: %w", err)
		case n == 0:
			return ErrUsed
		}
		return nil
	})
}

// ErrUsed refuses what was used, or is too old, or nobody's.
var ErrUsed = &inventory.Refusal{Kind: Unauthenticated, Message: "this sign-in was used, is too old, or isn't of this manager",
	Remedy: "begin it anew"}

// Try counts a try to sign in, against an address.
func (s *Service) Try(from string) error { return s.limit.allow("address:" + from) }
