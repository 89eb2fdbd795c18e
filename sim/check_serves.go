package sim

import (
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/site"
)

// servesCheck is liveness under faults (ha.md section 5, 7): while nothing
// begins or ends, and one vSocket is fit and reaches the third, it or its peer
// serves within the bound.
type servesCheck struct {
	indifferent
	w     *World
	since time.Duration // nothing has begun or ended since
	bound time.Duration
}

func newServesCheck(w *World) servesCheck {
	c := servesCheck{w: w, bound: calmBound(w.sched)}
	return c
}

// calmBound is our time and Azure's, added up for the worst that was under way
// when the last fault began or ended.
func calmBound(s *Schedule) time.Duration {
	_, c := timers(s)
	p, err := profile.Parse(c.Profile)
	if err != nil {
		panic("sim: " + err.Error())
	}
	const (
		probes   = 3 * time.Second  // until they are sure, either way
		timeouts = 8 * time.Second  // of a call that hangs
		backoff  = 10 * time.Second // steer's longest
		rest     = 60 * time.Second // steer's pace at rest, where IMDS doesn't tell
	)
	write := p.Writes[profile.NIC].Control.To + p.Accept.To + 2*p.Read.To + time.Second
	bound := ha.LeaseMax + 2*c.Silent + 2*c.Lease + c.Confirm + probes + timeouts + backoff + 3*write + c.CleanUp + ha.LeaseMax
	for i := range s.Faults {
		switch f := &s.Faults[i]; f.Kind {
		case Throttle:
			bound += 2 * f.D
		case IMDS:
			bound += rest
		case Late:
			bound += 10 * f.D
		}
	}
	return bound
}

// edge: something begins or ends now. What was before has lasted until here.
func (c *servesCheck) edge() {
	c.look()
	c.since = c.w.now
}

func (c *servesCheck) ended() { c.look() }

func (c *servesCheck) look() {
	w := c.w
	calm := w.now - c.since
	if calm <= c.bound || w.violation != nil {
		return
	}
	w.settleOutage()
	down := w.out.lasts(w.now)
	if w.out.down != up && !w.out.begun {
		down = w.now
	}
	if down <= c.bound {
		return
	}
	for _, n := range w.nodes[1:] {
		if n.fit() && w.reachesARM(n) && !n.deposed() && (w.pops == nil || w.reached(n)) && !w.bidden(w.nodes[n.side.Peer()]) {
			w.fail("somebody serves", "nothing was forwarded for %v, nothing has begun or ended for %v, and the %s is fit and reaches Azure",
				down, calm, n.side)
		}
	}
}

// fit: nothing of the node's is broken.
func (n *node) fit() bool {
	return n.running && n.still == "" && n.wan == 0 && n.lan == 0 && n.unanswered == 0 && n.disk == 0 && n.killIn == 0
}

// deposed: R11 lets such a one wait until it hears its peer.
func (n *node) deposed() bool {
	state, ok := ha.DecodeState(n.record)
	return ok && state.Deposed
}

// bidden: Azure bids an active wait, as it does while another change runs, or at its
// limit. How long that lasts is Azure's own time, and no reason to give the role away.
func (w *World) bidden(n *node) bool {
	for i, on := range w.under {
		f := &w.sched.Faults[i]
		if on && f.Kind == Refuse && f.on(n.side) && n.role == site.Active {
			switch f.Code {
			case "RetryableError", "AnotherOperationInProgress", "PrivateIPAddressIsAllocated", "TooManyRequests":
				return true
			}
		}
	}
	return false
}

// reachesARM: no fault of ARM's is on for the node.
func (w *World) reachesARM(n *node) bool {
	if n.token > 0 {
		return false
	}
	for i, on := range w.under {
		f := &w.sched.Faults[i]
		switch f.Kind {
		case Silent, Refuse, Throttle, Deny, Lost, Fail, Slow, Stuck, Stale:
			if on && f.on(n.side) {
				return false
			}
		}
	}
	return true
}
