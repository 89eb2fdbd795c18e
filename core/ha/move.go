package ha

import (
	"encoding/binary"
	"fmt"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// move is the change of PoP, and with it of the witness. Both vSockets go, the
// leader first, and each keeps where it is before it asks there: from then on it
// claims nothing at the old one. The new witness's record isn't of this visit, so it
// hears both and begins a term above (R10, decision 7); nobody whom only one of the
// two asks ever grants anything.
type move struct {
	at    Time   // when this vSocket has moved last
	count uint64 // moves in this boot
}

// movePause is how long a PoP has to answer before the next one is tried.
const movePause = 5 * Time(1e9)

// decideMove leads, or follows.
func (m *Machine) decideMove(now Time) {
	if m.cfg.Third != keepalive.Witness || m.cfg.PoPs < 2 {
		return
	}
	p := &m.peer
	switch {
	case !p.here():
	case m.leads():
		if m.known && m.fit && p.msg.Fit && !m.thirdOK() && !p.msg.ThirdOK && now >= max(m.move.at, m.started)+movePause {
			m.moveTo(now, (m.state.PoP+1)%m.cfg.PoPs, "neither vSocket reaches the PoP")
		}
	case p.msg.PoP != 0 && int(p.msg.PoP)-1 != m.state.PoP && int(p.msg.PoP) <= m.cfg.PoPs:
		m.moveTo(now, int(p.msg.PoP)-1, "the "+m.cfg.Side.Peer().String()+" is there")
	}
}

// leads: the holder of the term does, and if nobody holds it, the primary, or who
// isn't mute.
func (m *Machine) leads() bool {
	holds := func(role site.Role) bool {
		return role == site.Active || role == site.Suspended || role == site.Elect
	}
	switch {
	case holds(m.role):
		return true
	case holds(m.peer.msg.Role):
		return false
	}
	if mute := m.role == site.Mute; mute != (m.peer.msg.Role == site.Mute) {
		return !mute
	}
	return m.cfg.Side == site.Primary
}

// usePoP is for the start. A list that has become shorter begins anew.
func (m *Machine) usePoP() {
	if m.state.PoP >= max(1, m.cfg.PoPs) {
		m.state.PoP, m.state.Visit = 0, m.visit()
		m.do(Save{m.state})
	}
	if m.state.PoP > 0 {
		m.do(UsePoP{m.state.PoP})
	}
}

// visit names another stay at a PoP. Boots are random, so no two stays have one name.
func (m *Machine) visit() uint64 {
	m.move.count++
	return max(1, binary.BigEndian.Uint64(m.boot[:8])+m.move.count)
}

func (m *Machine) moveTo(now Time, pop int, why string) {
	m.note("moves", fmt.Sprintf("to PoP %d of %d: %s", pop+1, m.cfg.PoPs, why))
	if m.role == site.Claiming {
		m.dropTo("moves to another PoP")
	}
	m.state.PoP, m.state.Visit = pop, m.visit()
	if m.known { // a mute one keeps nothing; should it start again, it follows again
		m.do(Save{m.state})
	}
	m.do(UsePoP{pop})
	m.move.at = now
	m.hand.transfer = 0
	m.lease.third = 0
	w := &m.witness
	*w = registrar{asked: w.asked, askedAt: w.askedAt, hurry: true, heard: w.asked, since: now} // no reply of the old one counts
	m.sendAt = now
}
