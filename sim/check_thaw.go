package sim

import (
	"strings"
	"time"

	"releve.dev/releve/wire/keepalive"
)

// thawCheck is the other half of R2 (ha-schedules.md 10): a guest whose clock
// stood still with it sees the pause by the peer's clock, at the latest with the
// first message that comes after those that had waited: the gate of an active
// shuts until it has asked anew.
type thawCheck struct {
	w      *World
	clear  bool             // nothing of the network's blurs when a datagram was sent
	thawed [3]time.Duration // when; 0: nothing to look at
	lives  [3][2]uint32     // its own and its peer's, then
	met    [3]time.Duration // when it first heard its peer's present boot, on one path at least; 0: not yet
	known  [3][2]uint32     // the two lives of then
	in     keepalive.Message
}

func newThawCheck(w *World) thawCheck {
	return thawCheck{w: w, clear: !w.has(Spike, Twice, Old, Flip, Late)}
}

// resumed: an active's gate may still be open here, as nothing has told it yet.
func (c *thawCheck) resumed(n *node) {
	s := &c.w.most // who gets other timers goes by the wider ones for a while
	stood := c.w.now - n.stilled
	plain := stood > max(s.Lease/2, 50*time.Millisecond)+2*s.Keepalive+2*s.Jitter+thawGrain
	peer := c.w.nodes[n.side.Peer()]
	lives := [2]uint32{n.life, peer.life}
	met := c.met[n.side] != 0 && c.known[n.side] == lives && c.met[n.side]+s.Jitter < n.stilled // or it has no clock to compare
	c.thawed[n.side], c.lives[n.side] = 0, lives
	if c.clear && plain && met && n.serve > n.local() && !n.goesOn() && peer.running &&
		(peer.until == 0 || peer.until+remembered <= n.stilled) && !c.cut(n) {
		c.thawed[n.side] = c.w.now
	}
}

// thawGrain is what late timers and the clocks' rates take from a pause that is seen.
const thawGrain = 50 * time.Millisecond

// remembered is for how long a peer that stood still itself hides a pause: what
// its clock had been ahead before counts for so long (core/ha).
const remembered = 10 * time.Second

// cut: it may not have heard its peer on each path, or not lately.
func (c *thawCheck) cut(n *node) bool {
	for i := range c.w.sched.Faults {
		f := &c.w.sched.Faults[i]
		if (f.Kind == Cut || f.Kind == Loss || f.Kind == LAN) && f.At <= n.stilled && f.End() >= n.bootedAt {
			return true
		}
	}
	return false
}

// meets: its journal says which boot of its peer's it has accepted.
func (c *thawCheck) meets(n *node, boot string) {
	peer := c.w.nodes[n.side.Peer()]
	if strings.HasPrefix(boot, peer.boot_.String()) {
		c.met[n.side], c.known[n.side] = c.w.now, [2]uint32{n.life, peer.life}
	}
}

// waited: what had waited has been read. If it has shown the pause, the gate may
// open again with the next answer.
func (c *thawCheck) waited(n *node) {
	if n.serve <= n.local() {
		c.thawed[n.side] = 0
	}
}

// hears looks when a message has been taken. What only a key signs that this
// vSocket hasn't got yet is none, and its copy with a former key may come later;
// what dies in the middle of it shuts the gate when it starts again (R0).
func (c *thawCheck) hears(n *node, datagram []byte) {
	at := c.thawed[n.side]
	if at == 0 || c.w.now == at || keepalive.Decode(datagram, &c.in, n.keys) != nil {
		return
	}
	c.thawed[n.side] = 0
	same := c.lives[n.side] == [2]uint32{n.life, c.w.nodes[n.side.Peer()].life}
	if same && !n.dying && n.serve > n.local() {
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
