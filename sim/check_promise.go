package sim

import (
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// promiseCheck is R3, R6 and ha-schedules.md 2: who has answered an active's
// question doesn't claim before that answer's lease is over, unless the active
// has yielded, which nobody says whose gate is open (R8.3); and who has a claim in
// the register answers no older term. Nor does anybody claim before what its former
// life may have promised is over (R0).
type promiseCheck struct {
	indifferent
	w        *World
	mac      auth.MAC
	message  keepalive.Message
	promised [3]time.Duration // by the one who promised, whichever its boot
	term     [3]site.Term     // that the promise was for
	yielded  [3]site.Term     // by the one who yielded
	byHand   bool             // the register was written by a person last
}

// drift is more than a clock gains in the longest lease.
const drift = 2 * time.Millisecond

// sends looks into what a vSocket says on the LAN. Nobody has touched it yet.
func (c *promiseCheck) sends(n *node, datagram []byte) {
	if c.mac == nil {
		c.mac = unsigned{n.mac()}
	}
	m := &c.message
	if keepalive.Decode(datagram, m, c.mac) != nil {
		return
	}
	if m.Yielded != 0 {
		c.yielded[n.side] = m.Yielded
		if left := n.serve - n.local(); m.Role == site.Standby && left > 0 {
			c.w.fail("shut before told", "the %s says that it has yielded term %d, but its gate is open for another %v", n.side, m.Yielded, left)
		}
	}
	if m.Role != site.Mute && m.Granted != n.granted {
		c.w.fail("kept first", "the %s says %s, but has kept %s", n.side, m.Granted, n.granted)
	}
	if m.Answer.Term == 0 {
		return
	}
	c.w.answering.answers(n, m.Answer.Term)
	c.promised[n.side], c.term[n.side] = c.w.now+c.w.least.Lease-drift, m.Answer.Term
	if register := c.w.register(); c.w.pops == nil && register.Holder == n.side && register.Term > m.Answer.Term && c.known(n, register) {
		c.w.fail("promise", "the %s answers for term %d, but term %d is its own in the register", n.side, m.Answer.Term, register.Term)
	}
}

// known: the claim in the register is this boot's own, or one that this boot
// must have read there: a former one's. A person may put back one that was lost.
func (c *promiseCheck) known(n *node, register site.Claim) bool {
	if c.byHand {
		return false
	}
	return register.Boot == n.boot_ || n.bootedAt+time.Second < c.w.now && !c.w.has(Stuck, Slow, Stale)
}

func (c *promiseCheck) writes(by *node, side site.Side, _, _ *nic) {
	if side == site.Primary {
		c.byHand = by == nil
	}
}

func (c *promiseCheck) calls(n *node, request *steer.Request) {
	side := n.side
	if young := c.w.now - n.bootedAt; request.Op == steer.Put && n.role == site.Claiming && young < ha.LeaseMax-drift {
		c.w.fail("start", "the %s claims %v after its start", side, young)
	}
	if request.Op != steer.Put || n.role != site.Claiming || n.granted.Term != c.term[side] ||
		c.yielded[side.Peer()] == n.granted.Term {
		return
	}
	if left := c.promised[side] - c.w.now; left > 0 {
		c.w.fail("promise", "the %s claims %v before its promise for term %d is over", side, left, c.term[side])
	}
}
