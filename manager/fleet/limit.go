package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"
)

// bucket is a token bucket: full at first, one token each interval.
type bucket struct {
	every  time.Duration
	burst  int
	filled time.Time // when it is, or will be, full again
}

// take takes a token, and says how long to wait for it. It refuses, and takes
// nothing, if that is longer than patience.
func (b *bucket) take(now time.Time, patience time.Duration) (wait time.Duration, ok bool) {
	if b.filled.Before(now) {
		b.filled = now
	}
	wait = b.filled.Sub(now) - time.Duration(b.burst-1)*b.every
	if wait > patience {
		return 0, false
	}
	b.filled = b.filled.Add(b.every)
	return max(wait, 0), true
}

// limiter has a bucket a key, for as long as it isn't full.
type limiter struct {
	mu      sync.Mutex
	every   time.Duration
	burst   int
	buckets map[string]*bucket
}

// most keys that are remembered; beyond, everybody is refused who isn't known, so
// that a flood of made-up keys fills no memory.
const mostKeys = 10_000

func newLimiter(every time.Duration, burst int) *limiter {
	return &limiter{every: every, burst: burst, buckets: map[string]*bucket{}}
}

func (l *limiter) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		if len(l.buckets) >= mostKeys && !l.sweep(now) {
			return false
		}
		b = &bucket{every: l.every, burst: l.burst}
		l.buckets[key] = b
	}
	_, ok := b.take(now, 0)
	return ok
}

func (l *limiter) sweep(now time.Time) bool {
	for key, b := range l.buckets {
		if !b.filled.After(now) {
			delete(l.buckets, key)
		}
	}
	return len(l.buckets) < mostKeys
}

// admission makes handshakes queue, so that devices that come back all at once
// don't starve those that are here. Each costs about a millisecond of a core.
type admission struct {
	mu     sync.Mutex
	bucket bucket
}

// admissionPatience is less than what a device waits for a handshake.
const admissionPatience = 5 * time.Second

var errBusy = errors.New("too many handshakes at once")

func newAdmission(perSecond int) *admission {
	return &admission{bucket: bucket{every: time.Second / time.Duration(perSecond), burst: perSecond}}
}

func (a *admission) wait(ctx context.Context) error {
	a.mu.Lock()
	wait, ok := a.bucket.take(time.Now(), admissionPatience)
	a.mu.Unlock()
	if !ok {
		return errBusy
	}
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admit is for tls.Config.GetConfigForClient.
func (a *admission) admit(config func() (*tls.Config, error)) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if err := a.wait(hello.Context()); err != nil {
			return nil, err
		}
		return config()
	}
}
