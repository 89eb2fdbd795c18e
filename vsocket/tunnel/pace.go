package tunnel

import (
	"math/rand/v2"
	"time"
)

const (
	patience = 3 // answers missed in a row until the session counts as dead
	// The shortest and the longest time between two renewals. Each costs a
	// handshake and throws away the one under way, which WireGuard itself repeats
	// each 5 s: thousands of vSockets that went on renewing each 2 s kept a PoP that
	// had restarted from ever getting through (docs/benchmarks.md).
	least, most = 500 * time.Millisecond, 16 * time.Second
)

// Pace says when to renew. The first time it is at once; then it waits twice as
// long each time, until the witness has answered for longer than that. Each wait
// is drawn from half to one and a half of it: a PoP at which thousands begin
// sessions at once asks them for cookies (WireGuard's defence), and each of those
// costs another 5 s.
type Pace struct {
	missed int
	hinted bool                                   // in this row of misses
	wait   time.Duration                          // after the last renewal
	next   time.Duration                          // when the next may be
	spread func(most time.Duration) time.Duration // nil: not at all
}

// NewPace is that of a vSocket; the zero Pace doesn't spread.
func NewPace() Pace { return Pace{spread: rand.N[time.Duration]} }

// Miss: an answer is missing.
func (p *Pace) Miss(now time.Duration) (renew bool) {
	p.missed++
	if p.missed < patience || now < p.next {
		return false
	}
	p.wait = min(max(least, 2*p.wait), most)
	p.next = now + p.wait
	if p.spread != nil {
		p.next += p.spread(p.wait) - p.wait/2
	}
	return true
}

// Hint: the other end is known to be there. That is worth one renewal before its
// time, and no more: what keeps thousands away must not make them haste.
func (p *Pace) Hint(now time.Duration) (renew bool) {
	if p.missed < patience || p.hinted {
		return false
	}
	p.hinted, p.next = true, max(p.next, now+least)
	return true
}

// Answered: the session is alive.
func (p *Pace) Answered(now time.Duration) {
	p.missed, p.hinted = 0, false
	if now >= p.next+p.wait {
		p.wait = 0
	}
}
