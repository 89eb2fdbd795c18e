package status

import (
	"time"

	"releve.dev/releve/site"
)

// Counter is what has gone through a tunnel since the agent's start.
type Counter struct {
	At             time.Time
	Boot           string
	Received, Sent uint64 // bytes
}

// longest is how far apart two counters may be: a mean over more says nothing of
// when it was.
const longest = 5 * time.Minute

// CounterOf reads a status; ok is false without a tunnel.
func CounterOf(at time.Time, s *site.Status) (_ Counter, ok bool) {
	if s.Tunnel == nil {
		return Counter{}, false
	}
	return Counter{at, s.Boot, s.Tunnel.Received, s.Tunnel.Sent}, true
}

// Since puts the means since an older counter in place of a sample's momentary
// rates: a moment in a minute says little. It does nothing if the agent has
// started anew in between.
func (s *Sample) Since(old, now Counter) {
	passed := now.At.Sub(old.At)
	if old.Boot != now.Boot || passed <= 0 || passed > longest || now.Received < old.Received || now.Sent < old.Sent {
		return
	}
	received := float64(now.Received-old.Received) * 8 / passed.Seconds()
	sent := float64(now.Sent-old.Sent) * 8 / passed.Seconds()
	s.Values[Received], s.Values[Sent] = &received, &sent
}
