package events

import (
	"context"
	"fmt"
	"time"

	"releve.dev/releve/manager/store/query"
)

// retainStep is how many events one transaction deletes: who keeps events waits
// for it.
const retainStep = 1000

// Retain deletes what was kept longer ago than keep, and says how much that was.
func (k *Keeper) Retain(ctx context.Context, keep time.Duration) (deleted int64, err error) {
	before := millis(k.now().Add(-keep))
	accounts, err := k.store.Read().EventAccounts(ctx)
	if err != nil {
		return 0, fmt.Errorf("deleting old events: %w", err)
	}
	for _, account := range accounts {
		for {
			var n int64
			err := k.store.InTx(ctx, func(q *query.Queries) (err error) {
				n, err = q.DeleteOldEvents(ctx, query.DeleteOldEventsParams{AccountID: account, KeptAt: before, Limit: retainStep})
				return err
			})
			if err != nil {
				return deleted, fmt.Errorf("deleting old events: %w", err)
			}
			if deleted += n; n < retainStep {
				break
			}
		}
	}
	return deleted, nil
}
