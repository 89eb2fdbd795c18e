// Package pause waits for a time, or until nobody needs it to.
package pause

import (
	"context"
	"time"
)

// For returns after a time, or with the context's error once that ends.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
