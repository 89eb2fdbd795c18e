package sim

import "time"

// thawCheck is the other half of R2 (ha-schedules.md 10): a guest whose clock
// stood still with it sees the pause by the peer's clock. With the first
// datagram that comes after those that had waited, the gate of an active shuts
// until it has asked anew.
type thawCheck struct {
	w      *World
	clear  bool             // nothing of the network's blurs when a datagram was sent
	thawed [3]time.Duration // when; 0: nothing to look at
	peer   [3]uint32        // the life of its peer then
}

func newThawCheck(w *World) thawCheck {
	return thawCheck{w: w, clear: !w.has(Spike, Twice, Old, Flip, Late)}
}

// resumed: an active's gate may still be open here, as nothing has told it yet.
func (c *thawCheck) resumed(n *node) {
	s := &c.w.sched.Settings
	stood := c.w.now - n.stilled
	plain := stood > (2*hostSpace)*s.Keepalive+s.Lease+time.Second
	peer := c.w.nodes[n.side.Peer()]
	c.thawed[n.side], c.peer[n.side] = 0, peer.life
	if c.clear && plain && n.serve > n.local() && !n.goesOn() && peer.running && peer.bootedAt < n.stilled &&
		(peer.until == 0 || peer.until+remembered <= n.stilled) && !c.cut(n) {
		c.thawed[n.side] = c.w.now
	}
}

// remembered is for how long a peer that stood still itself hides a pause: what
// its clock had been ahead before counts for so long (core/ha).
const remembered = 10 * time.Second

// cut: this boot may never have heard its peer, so it has no clock to compare.
func (c *thawCheck) cut(n *node) bool {
	for i := range c.w.sched.Faults {
		f := &c.w.sched.Faults[i]
		if (f.Kind == Cut || f.Kind == Loss || f.Kind == LAN) && f.At <= n.stilled && f.End() >= n.bootedAt {
			return true
		}
	}
	return false
}

func (c *thawCheck) hears(n *node) {
	at := c.thawed[n.side]
	if at == 0 || c.w.now == at {
		return
	}
	c.thawed[n.side] = 0
	if n.serve > n.local() && c.peer[n.side] == c.w.nodes[n.side.Peer()].life {
		c.w.fail("pause noticed", "the %s's guest and its clock stood still, the peer's went on, and its gate is open", n.side)
	}
}

// has reports whether the schedule has a fault of one of the kinds.
func (w *World) has(kinds ...Kind) bool {
	for i := range w.sched.Faults {
		for _, kind := range kinds {
			if w.sched.Faults[i].Kind == kind {
				return true
			}
		}
	}
	return false
}
