package sim

import (
	"time"

	"releve.dev/releve/site"
)

// soloCheck is E2 and R1 of two that were Masters by themselves: first settings shut
// no gate. And of everybody: a drain ends soon after the floating IP has left, unless
// what it drains came by the vSocket's own address, as it did to such a Master.
type soloCheck struct {
	indifferent
	w     *World
	alone bool             // nothing but first settings is in the schedule
	first [3]bool          // it goes on as Master by itself, or was granted a term as that
	open  [3]time.Duration // local: until when such a one forwards
	left  [3]time.Duration // world: when it was deposed as Master by itself
	own   [3]time.Duration // local: so long it drains what comes by its own address
}

func newSoloCheck(w *World) *soloCheck {
	c := &soloCheck{w: w, alone: len(w.sched.Faults) > 0}
	for i := range w.sched.Faults {
		c.alone = c.alone && w.sched.Faults[i].Kind == Solo
	}
	return c
}

// quiet is how long a drain goes on once IMDS has said that the floating IP has
// left (ha.md section 3, R8), and a step's time.
const quiet = 5*time.Second + time.Millisecond

// looked: IMDS has told an agent, and the agent has acted.
func (c *soloCheck) looked(n *node, mine bool) {
	if left := n.drain - max(n.local()+quiet, c.own[n.side]); !mine && n.running && left > 0 {
		c.w.fail("drains no longer", "IMDS has told the %s that the floating IP has left, and it drains for %v longer than it may", n.side, left)
	}
}

func (c *soloCheck) said(n *node, what string) {
	switch what {
	case "deposed":
		if n.solo {
			c.left[n.side] = c.w.now
		}
		n.solo, c.first[n.side] = false, false
	case "yielded", "stopped":
		n.solo, c.first[n.side] = false, false
	case "floating ip read back":
		n.solo = false
	}
}

func (c *soloCheck) serves(n *node, _ time.Duration) { c.opened(n) }

// drains is told of each opening and closing of a drain.
func (c *soloCheck) drains(n *node, until time.Duration) {
	if c.left[n.side] == c.w.now && c.own[n.side] == 0 {
		c.own[n.side] = until
	}
	c.opened(n)
}

// begins: first settings come to a gate that is open.
func (c *soloCheck) begins(n *node) {
	n.solo, c.first[n.side], c.open[n.side] = true, true, n.serve
}

// gone: an agent's life is over, and with it what that said.
func (c *soloCheck) gone(n *node) { n.solo, c.first[n.side], c.own[n.side] = false, false, 0 }

// opened: a gate that forwarded by itself forwards on.
func (c *soloCheck) opened(n *node) {
	c.lapsed(n)
	c.open[n.side] = max(n.serve, n.drain, n.local())
}

// lapsed: a granted lease counts from the question, so one that is hardly longer than
// the way to a witness and back may end before its first renewal has come.
func (c *soloCheck) lapsed(n *node) {
	if late := n.local() - c.open[n.side]; c.alone && c.first[n.side] && late > time.Millisecond+3*c.w.sched.Settings.Trip {
		c.w.fail("settings are no outage", "the %s has forwarded nothing for %v, and nothing but its first settings has come", n.side, late)
	}
}

func (c *soloCheck) ended() {
	for _, n := range c.w.nodes[1:] {
		c.lapsed(n)
	}
}

// goesOn: it forwards because it did before it had a peer, by no term.
func (n *node) goesOn() bool { return n.solo && n.role != site.Active && n.role != site.Suspended }
