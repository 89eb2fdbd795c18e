package signin

import (
	"sync"
	"time"
)

// Each address has five attempts, and one more each twelve seconds.
const (
	attempts  = 5
	recovery  = 12 * time.Second
	mostKnown = 1024 // addresses; beyond it all others share one
)

// limiter counts attempts by where they come from.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	spent float64
	at    time.Time
}

// takes reports whether one more may be made, and counts it.
func (l *limiter) takes(from string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for key, b := range l.buckets {
		if b.spent -= float64(now.Sub(b.at)) / float64(recovery); b.spent <= 0 {
			delete(l.buckets, key)
		}
		b.at = now
	}
	if l.buckets[from] == nil && len(l.buckets) >= mostKnown {
		from = ""
	}
	b := l.buckets[from]
	if b == nil {
		b = &bucket{at: now}
		l.buckets[from] = b
	}
	if b.spent+1 > attempts {
		return false
	}
	b.spent++
	return true
}

// forget: who knows the password has all attempts again.
func (l *limiter) forget(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.buckets, from)
}
