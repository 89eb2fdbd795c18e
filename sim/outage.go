package sim

import (
	"time"

	"releve.dev/releve/site"
)

// outage is the traffic source: it knows since when the site's traffic isn't
// forwarded, and for how long that was.
type outage struct {
	since time.Duration // all is accounted for until then
	down  time.Duration // since when nothing is forwarded; up if it is
	begun bool          // something was forwarded once
	over  []gap         // those that have ended since
}

// gap is one outage.
type gap struct{ at, lasted time.Duration }

const up = time.Duration(-1)

// forwards: Azure brings the traffic to a vSocket that stands, has both sides,
// and whose gate is open; until says how long that can last by itself.
func (w *World) forwards() (until time.Duration, ok bool) {
	if w.azure.owner == site.NoSide {
		return 0, false
	}
	n := w.nodes[w.azure.owner]
	if n.still == Pause || n.still == Freeze || n.wan > 0 || n.lan > 0 {
		return 0, false
	}
	if w.pops != nil && !w.pops[n.pop].forwards(n) {
		return 0, false
	}
	deadline := max(n.serve, n.drain)
	if deadline <= n.clock.local(w.out.since) {
		return 0, false
	}
	return n.clock.world(deadline), true
}

// settleOutage accounts for the time up to now, before something changes.
func (w *World) settleOutage() {
	o := &w.out
	if until, ok := w.forwards(); ok {
		o.ends(o.since)
		if until < w.now {
			o.down = until
		}
	} else if o.down == up {
		o.down = o.since
	}
	o.since = w.now
}

// ends: forwarding goes on at the instant at.
func (o *outage) ends(at time.Duration) {
	if o.down == up {
		return
	}
	if o.begun && at > o.down {
		o.over = append(o.over, gap{at: o.down, lasted: at - o.down})
	}
	o.down, o.begun = up, true
}

// lasts is how long the present outage has lasted, 0 if there is none.
func (o *outage) lasts(now time.Duration) time.Duration {
	if o.down == up || !o.begun {
		return 0
	}
	return now - o.down
}

// worst is the longest of those that count.
func (o *outage) worst(counts func(at time.Duration) bool) (worst gap) {
	for _, g := range o.over {
		if g.lasted > worst.lasted && counts(g.at) {
			worst = g
		}
	}
	return worst
}

func anyTime(time.Duration) bool { return true }
