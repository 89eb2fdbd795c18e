package sim

import (
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// answersCheck is whom a standby may answer (R3, R11): an active that hears it
// (ha-schedules.md 7), and with ARM as third none before it has read the register in
// this life, as a former one may have a claim under way.
type answersCheck struct {
	w     *World
	heard [3]time.Duration // when a side was reached by its peer last
	read  [3]uint32        // the life in which a side was shown the register, by number from 1
}

func (c *answersCheck) hears(n *node) { c.heard[n.side] = c.w.now }

// answered is told of each answer of ARM's.
func (c *answersCheck) answered(n *node, request *steer.Request, response *steer.Response) {
	if response.OK() && request.Op == steer.Get && target(n, request) == site.Primary {
		c.read[n.side] = n.life + 1
	}
}

// answers is told of each answer of a vSocket's.
func (c *answersCheck) answers(n *node, term site.Term) {
	if c.w.pops == nil && c.read[n.side] != n.life+1 {
		c.w.fail("answers whom it may", "the %s answers for term %d, but has not read the register since its start", n.side, term)
	}
	if c.w.has(Spike, Late, Old, Twice, Stall, Pause, Freeze) {
		return // what is heard may be old
	}
	const transit = 50 * time.Millisecond
	if deaf := c.w.now - c.heard[n.side.Peer()]; deaf > c.w.most.Lease+transit {
		c.w.fail("answers whom it may", "the %s answers for term %d, but nothing has reached the %s for %v", n.side, term, n.side.Peer(), deaf)
	}
}
