package tunnel

import "time"

const (
	patience = 3 // answers missed in a row until the session counts as dead
	// The shortest and the longest time between two renewals. Each costs a
	// handshake, and an endpoint that is down gets no better by it.
	least, most = 500 * time.Millisecond, 2 * time.Second
)

// pace says when to renew. The first time it is at once; then it waits twice as
// long each time, until the witness has answered for longer than that.
type pace struct {
	missed int
	wait   time.Duration // after the last renewal
	next   time.Duration // when the next may be
}

func (p *pace) miss(now time.Duration) (renew bool) {
	p.missed++
	if p.missed < patience || now < p.next {
		return false
	}
	p.wait = min(max(least, 2*p.wait), most)
	p.next = now + p.wait
	return true
}

func (p *pace) answered(now time.Duration) {
	p.missed = 0
	if now >= p.next+p.wait {
		p.wait = 0
	}
}
