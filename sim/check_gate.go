package sim

import (
	"time"

	"releve.dev/releve/site"
)

// gateCheck is P1 with ARM as third (ha.md section 5, 1): a vSocket serves in a
// term of its own boot, and once a higher term is in the register its gate is
// shut within R11's bound. The bounds are on its own clock, as a guest that
// stood still can't know better.
type gateCheck struct {
	indifferent
	w    *World
	lost [3]time.Duration // local: when the register got a higher term than the one held; 0: it hasn't
	term [3]site.Term     // the one held then
	here [3]bool          // the data plane brings it what its guest has, so IMDS lists it (R11, alone: stay)
	left [3]time.Duration // local: when that ended
	free [3]time.Duration // local: so long its gate was opened by no term, as Master by itself
}

// R11's bounds.
const (
	registerHold = 5 * time.Second // from a register read's request
	lookHold     = 3 * time.Second // from an IMDS look
)

func (g *gateCheck) serves(n *node, until time.Duration) {
	if n.goesOn() {
		g.free[n.side] = until
	}
	if until <= n.local() || n.goesOn() {
		return
	}
	if n.granted.Holder != n.side || n.granted.Boot != n.boot_ {
		g.w.fail("one gate", "the %s opens its gate, but the term it knows is %s", n.side, n.granted)
	}
	if g.w.pops != nil {
		g.alone(n)
		return
	}
	g.bound(n)
}

// alone is P1 with a witness: no two gates are open at once, but for up to a
// lease after a guest has come to with a clock that stood still.
func (g *gateCheck) alone(n *node) {
	other := g.w.nodes[n.side.Peer()]
	thawed := g.w.has(Freeze) && max(n.until, other.until)+registerHold > g.w.now
	if left := other.serve - max(other.local(), g.free[other.side]); left > 0 && !thawed && other.still != Freeze {
		g.w.fail("one gate", "the %s opens its gate in term %d, the %s's is open for another %v in term %d",
			n.side, n.granted.Term, other.side, left, other.granted.Term)
	}
}

// bound holds an open gate against the register.
func (g *gateCheck) bound(n *node) {
	side := n.side
	if g.w.pops != nil || g.lost[side] == 0 || n.granted.Term > g.term[side] || n.serve <= n.local() || n.goesOn() {
		return
	}
	if winner := g.w.register(); !g.w.alive(winner) {
		return // nobody serves that term
	}
	if g.look(n); g.here[side] {
		return
	}
	limit := max(g.lost[side]+registerHold+g.staleness(), g.left[side]+lookHold)
	if n.serve > limit {
		g.w.fail("one gate", "the %s serves term %d for %v longer than it may after %s", side, n.granted.Term, n.serve-limit, g.w.register())
	}
}

// alive: the boot that a claim names hasn't ended.
func (w *World) alive(c site.Claim) bool {
	return c.Holder != site.NoSide && w.nodes[c.Holder].running && w.nodes[c.Holder].boot_ == c.Boot
}

// staleness is how old Azure's answers may be: that much later a read is worth
// as much as a fresh one.
func (g *gateCheck) staleness() (worst time.Duration) {
	for i := range g.w.sched.Faults {
		if f := &g.w.sched.Faults[i]; f.Kind == Stale {
			worst = max(worst, f.D)
		}
	}
	return worst
}

func (g *gateCheck) writes(by *node, side site.Side, _, after *nic) {
	if side != site.Primary {
		return
	}
	for _, n := range g.w.nodes[1:] {
		switch {
		case n.granted.Holder != n.side || after.claim.Term <= n.granted.Term:
			g.lost[n.side] = 0
		case by == nil: // nobody serves by what a person has put back
		case g.lost[n.side] == 0 || g.term[n.side] != n.granted.Term:
			g.lost[n.side], g.term[n.side] = n.local(), n.granted.Term
			g.bound(n)
		}
	}
}

// look is told of each change of the data plane, and of the guest's addresses. While
// the floating IP changes, what is on a NIC may be one that no route leads to: a tool
// has put the former one back in place of the new. IMDS doesn't know of routes.
func (g *gateCheck) look(n *node) {
	was := g.here[n.side]
	if g.here[n.side] = g.w.azure.lists(n); was && !g.here[n.side] {
		g.left[n.side] = n.local()
		g.bound(n)
	}
}
