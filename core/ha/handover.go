package ha

import (
	"fmt"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// handover is the giving side of R8. The witness writes the transfer for the two,
// so that at each moment somebody forwards. With ARM as third, or out of the
// witness's reach, nobody does: the giver yields first, and the taker's claim
// follows (R6c); what Azure still brings to the giver drains.
type handover struct {
	why      string
	prepare  site.Term // asked the peer to get ready
	at       Time      // when
	transfer site.Term // given to the peer, by the witness's hand (R8.2)
	yielded  site.Term // never served again
}

func (h *handover) preparing() site.Term {
	if h.yielded != 0 {
		return 0
	}
	return h.prepare
}

// taking is the other side: asked to get ready, and ready until then.
type taking struct {
	prepare site.Term
	at      Time // since when
	until   Time
	fetched bool
}

func (t *taking) from(term site.Term) bool { return t.prepare != 0 && t.prepare == term }

// readyFor is the term that this vSocket could take now: all is fetched, and the
// witness, if it is the third, has answered since. Its word from before may be
// older than what makes the giver give; one that has just come back may be about
// to reach the giver too.
func (m *Machine) readyFor(now Time) site.Term {
	t := &m.taking
	if !t.fetched || now >= t.until || m.cfg.Third == keepalive.Witness && (m.witness.sent < t.at || !m.thirdOK() || m.justBack(now)) {
		return 0
	}
	return t.prepare
}

// decideHandover starts, repeats or gives up a handover.
func (m *Machine) decideHandover(now Time) {
	h := &m.hand
	if m.role != site.Active && m.role != site.Suspended || h.yielded != 0 {
		return
	}
	why := m.mustHand(now)
	if why == "" {
		why = m.mayFailBack(now)
	}
	if why == "" {
		why = m.mayHandForSettings()
	}
	switch {
	case why == "" || !m.takerHere() && (m.peer.here() || !m.takerAtWitness()):
		*h = handover{}
		return
	case h.transfer != 0 && now < h.at+readyHold:
		return // the witness's word is awaited
	case !m.peer.here():
		m.handOver(now, why)
		return
	}
	if h.prepare == 0 || now >= h.at+readyHold {
		if h.prepare == 0 {
			m.note("handover", fmt.Sprintf("asks the %s to get ready: %s", m.cfg.Side.Peer(), why))
			m.sendAt = now
		}
		*h = handover{why: why, prepare: m.state.Granted.Term, at: now}
	}
	if ready := m.peer.msg.Ready; ready != m.state.Granted.Term || ready == 0 {
		return
	}
	if m.cfg.Third == keepalive.Witness && m.thirdOK() {
		m.handOver(now, why)
		return
	}
	m.yield(now)
}

// takerHere: the peer could take over, it says.
func (m *Machine) takerHere() bool {
	msg := &m.peer.msg
	return m.peer.here() && msg.Fit && msg.ThirdOK && msg.Version.AtLeast(site.HAVersion)
}

// handOver is R8.2. The giver stays active until it hears of the next term.
func (m *Machine) handOver(now Time, why string) {
	term := m.state.Granted.Term
	m.hand = handover{why: why, transfer: term, at: now}
	m.note("hands over", fmt.Sprintf("term %d: %s", term, why))
	m.witness.hurry = true
}

// mustHand: this vSocket can't go on serving.
func (m *Machine) mustHand(now Time) string {
	switch {
	case !m.fit:
		return "not fit: " + m.reason.String()
	case m.cfg.Third == keepalive.Witness && !m.witness.ok && now >= m.started+LeaseMax:
		return "the witness doesn't answer"
	}
	return m.cantSteer(now)
}

// yield is R8.3: serve closes for good in this term, drain opens.
func (m *Machine) yield(now Time) {
	term := m.state.Granted.Term
	why := m.hand.why
	m.hand = handover{why: why, yielded: term}
	m.lease, m.solo = lease{}, false
	m.azure.left(now)
	m.note("yielded", fmt.Sprintf("term %d: %s", term, why))
	m.become(site.Standby, "")
	if m.fit || m.reason == keepalive.Stopping {
		m.drainUntil(now + DrainMax)
	}
	m.sendAt, m.witness.hurry = now, true
	m.say(now)
	m.sendAt = now + m.cfg.Keepalive
}

// hearHandover is the taker's ear.
func (m *Machine) hearHandover(now Time, msg *keepalive.Message) {
	t := &m.taking
	if m.role != site.Standby || msg.Prepare == 0 || msg.Prepare != m.state.Granted.Term || !m.fit || !m.thirdOK() ||
		now < m.started+LeaseMax { // it couldn't claim yet
		return
	}
	if t.prepare != msg.Prepare || now >= t.until {
		*t = taking{prepare: msg.Prepare, at: now}
		m.witness.hurry = true // it must answer before this one is ready
		m.note("getting ready", "the peer wants to hand over")
		m.aim(Goal{Mode: Prepare}) // also if a suspicion has prepared all before: its news was for another asking
	}
	t.until = now + readyHold
}

// prepared: the NICs are fetched; say so at once.
func (m *Machine) prepared(now Time) {
	if m.taking.prepare != 0 && !m.taking.fetched {
		m.taking.fetched = true
		m.taking.until = now + readyHold
		m.sendAt = now
	}
}
