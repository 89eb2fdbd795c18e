package ha

import (
	"fmt"

	"releve.dev/releve/site"
)

// A vSocket that was Master by itself goes on forwarding when its first HA settings
// come, until the pair has an active: settings are no reason for an outage (E2).
//
// Who else could serve meanwhile? Only the peer, in a term that the third has
// granted, and this vSocket hears of that from the peer, or from the third. Out of
// reach of both, two may forward, as two did before that had no HA settings (B7);
// the change begins nothing that was not there. A primary claims before its peer
// does (R6b), so where both are well the one that serves is the one that goes on.
//
// From its own grant on it serves by its lease alone, like every active. It doesn't
// wait for the floating IP: nobody held that before.
const (
	soloHold  = 3 * Time(1e9) // an opening outlasts this agent by no more
	soloRenew = soloHold / 2
)

// startGates closes what a former self has left open (R0), or takes it over.
func (m *Machine) startGates(now Time) {
	if !m.solo {
		m.do(Serve{0}, Drain{0}, Down{false}, FloatingIP{false})
		return
	}
	m.gate.serve, m.gate.serveOpen, m.gate.down = now+soloHold, true, true
	m.do(Serve{m.gate.serve}, Drain{0}, Down{true}, FloatingIP{false})
}

// soloUntil renews in time.
func (m *Machine) soloUntil(now Time) Time {
	if m.gate.serve > now+soloRenew {
		return m.gate.serve
	}
	return now + soloHold
}

// soloEnds: the peer has been granted a term, or this vSocket has lost its own. What
// still comes here by this vSocket's own address, which route tables may name yet,
// drains like what comes to a deposed active (R1); that the floating IP isn't here
// says nothing of it.
func (m *Machine) soloEnds(now Time, granted site.Claim) {
	if !m.solo || granted.Holder != m.cfg.Side.Peer() && !m.serving() {
		return
	}
	m.solo = false
	m.note("deposed", fmt.Sprintf("term %d is granted to the %s, and this vSocket was Master by itself", granted.Term, granted.Holder))
	if m.fit {
		m.gate.own = now + DrainMax
		m.drainUntil(m.gate.own)
	}
}
