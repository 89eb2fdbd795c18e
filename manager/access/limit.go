package access

import (
	"fmt"
	"sync"
	"time"
)

// A source of logins may try burst times, then once every refill.
const (
	burst   = 10
	refill  = 10 * time.Second
	mostKey = 100_000
)

// Limited is the error of a source that tries too often.
type Limited struct{ After time.Duration }

func (l *Limited) Error() string {
	return fmt.Sprintf("too many tries; the next is allowed in %d s", seconds(l.After))
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Seconds is After for a Retry-After header.
func (l *Limited) Seconds() int { return seconds(l.After) }

// limiter counts tries by name and by address. It is this process's own: several
// managers allow as many times more.
type limiter struct {
	now func() time.Time
	mu  sync.Mutex
	// full is when a source has all its tries again.
	full map[string]time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, full: map[string]time.Time{}}
}

// allow counts a try against each key, or none if one of them has too many.
func (l *limiter) allow(keys ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.full) > mostKey {
		l.forget(now)
	}
	for _, k := range keys {
		if next := l.full[k].Add(-(burst - 1) * refill); next.After(now) {
			return &Limited{After: next.Sub(now)}
		}
	}
	for _, k := range keys {
		l.full[k] = later(l.full[k], now).Add(refill)
	}
	return nil
}

// forget drops who has all tries again; a crowd of more than that starts anew.
func (l *limiter) forget(now time.Time) {
	for k, full := range l.full {
		if full.Before(now) {
			delete(l.full, k)
		}
	}
	if len(l.full) > mostKey {
		clear(l.full)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
