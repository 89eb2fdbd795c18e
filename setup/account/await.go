package account

import (
	"context"
	"fmt"
	"time"
)

// Progress is told of long waits, for people.
type Progress interface {
	// Waiting says what is waited for, and since when; it is called each time that
	// nothing has come yet.
	Waiting(what string, since time.Duration)
}

type progressKey struct{}

// WithProgress lets p know of what is waited for under the context.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

type silent struct{}

func (silent) Waiting(string, time.Duration) {}

func progress(ctx context.Context) Progress {
	if p, ok := ctx.Value(progressKey{}).(Progress); ok {
		return p
	}
	return silent{}
}

// OverdueError is a condition that didn't come about in time.
type OverdueError struct {
	What  string
	Bound time.Duration
}

func (e *OverdueError) Error() string { return fmt.Sprintf("%s: not within %s", e.What, e.Bound) }

// firstLook is the shortest pause: where Azure is emulated, and instant, waiting
// for it costs little.
const firstLook = 10 * time.Millisecond

// Await looks until ok, at once and then after pauses that grow with the time
// already waited, up to every. It gives up after bound, or
// with an error of ok. It is the only way to wait below setup/.
func Await(ctx context.Context, what string, every, bound time.Duration, ok func(context.Context) (bool, error)) error {
	began := time.Now()
	for {
		done, err := ok(ctx)
		if done || err != nil {
			return err
		}
		since := time.Since(began)
		if since >= bound {
			return &OverdueError{what, bound}
		}
		progress(ctx).Waiting(what, since)
		if err := pause(ctx, min(max(since/4, firstLook), every, bound-since)); err != nil {
			return err
		}
	}
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
