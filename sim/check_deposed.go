package sim

import (
	"time"

	"releve.dev/releve/core/ha"
)

// deposedCheck is R11's wait (ha-schedules.md 26): whom a claim of its peer's has
// deposed in a silence knows that the peer lives. It claims once it has heard it, or
// is shown its VM stopped, or else after ten minutes, and then after twice that. No
// clock outlives the agent, so one that starts anew waits anew.
type deposedCheck struct {
	indifferent
	w      *World
	silent [3]bool // as each side has said of its peer
	waits  [3]struct {
		since, wait time.Duration // in the node's own time; wait 0: it needn't wait
	}
}

// deposedFor is R11's first wait.
const deposedFor = 10 * time.Minute

func (c *deposedCheck) said(n *node, what string) {
	if c.w.sched.Settings.Witness || c.w.has(Off) {
		return
	}
	waits := &c.waits[n.side]
	switch what {
	case "peer silent":
		c.silent[n.side] = true
	case "peer heard", "peer boot":
		c.silent[n.side], waits.wait = false, 0
	case "deposed":
		if c.silent[n.side] && n.granted.Holder == n.side.Peer() {
			waits.since, waits.wait = n.local(), deposedFor
		}
	case "started":
		c.silent[n.side] = false
		c.restarted(n)
	case "claim":
		c.claims(n)
	}
}

// restarted: one whose disk was full or wiped can't know that it was deposed.
func (c *deposedCheck) restarted(n *node) {
	waits := &c.waits[n.side]
	if state, ok := ha.DecodeState(n.record); !ok || !state.Deposed {
		waits.wait = 0
	}
	if waits.wait > 0 {
		waits.since, waits.wait = n.local(), deposedFor
	}
}

func (c *deposedCheck) claims(n *node) {
	waits := &c.waits[n.side]
	if waits.wait == 0 {
		return
	}
	if waited := n.local() - waits.since; waited < waits.wait {
		c.w.fail("a deposed one waits", "the %s claims %v after it was deposed in a silence, and has not heard the %s since; it must wait %v", n.side, waited, n.side.Peer(), waits.wait)
	}
	waits.since, waits.wait = n.local(), 2*waits.wait
}
