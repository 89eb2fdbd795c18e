package ha

import "releve.dev/releve/wire/keepalive"

// A witness that comes back isn't reached by both vSockets at one moment: each
// renews its session at a pace of its own. To hand over in the meantime would move
// the floating IP there and back for nothing. So who hears that the peer reaches it
// again tries at once, and who reaches it first takes nothing for a moment.

// hearReach compares the peer's new message with its last.
func (m *Machine) hearReach(msg *keepalive.Message) {
	back := msg.ThirdOK && !m.peer.msg.ThirdOK
	samePoP := msg.PoP == 0 || int(msg.PoP)-1 == m.state.PoP
	if m.cfg.Third == keepalive.Witness && back && samePoP && !m.witness.ok {
		m.do(Retry{})
		m.witness.retried, m.witness.hurry = m.last, true
	}
}

// retries: the session is being renewed, which may cost the question that is on
// its way. So the next one follows soon.
func (m *Machine) retries() bool {
	at := m.witness.retried
	return at != 0 && m.last < at+m.cfg.patience()
}

// justBack is for the taker: the giver gives because it misses the witness, and
// nobody knows yet that the witness doesn't come back there too.
func (m *Machine) justBack(now Time) bool {
	giver := &m.peer.msg
	return giver.Fit && !giver.ThirdOK && now < max(m.witness.since, m.witness.met)+m.cfg.patience()
}
