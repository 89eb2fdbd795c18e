package ha

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// handover is the giving side of R8. With ARM as third nobody writes the
// transfer for the two: the giver yields first, and the taker's claim follows
// (R6c); what Azure still brings to the giver drains.
type handover struct {
	why     string
	prepare site.Term // asked the peer to get ready
	at      Time      // when
	yielded site.Term // never served again
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
	until   Time
	fetched bool
}

func (t *taking) from(term site.Term) bool { return t.prepare != 0 && t.prepare == term }

func (t *taking) ready(now Time) site.Term {
	if t.fetched && now < t.until {
		return t.prepare
	}
	return 0
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
	p := &m.peer
	if why == "" || !p.here() || !p.msg.Fit || !p.msg.ThirdOK || !p.msg.Version.AtLeast(site.HAVersion) {
		*h = handover{}
		return
	}
	if h.prepare == 0 || now >= h.at+readyHold {
		if h.prepare == 0 {
			m.note("handover", fmt.Sprintf("asks the %s to get ready: %s", m.cfg.Side.Peer(), why))
			m.sendAt = now
		}
		*h = handover{why: why, prepare: m.state.Granted.Term, at: now}
	}
	if p.msg.Ready == m.state.Granted.Term && p.msg.Ready != 0 {
		m.yield(now)
	}
}

// mustHand: this vSocket can't go on serving.
func (m *Machine) mustHand(now Time) string {
	switch {
	case !m.fit:
		return "not fit: " + m.reason.String()
	case m.cantSteer(now):
		return "the floating IP is elsewhere, and Azure can't be asked: " + m.third.problem
	}
	return ""
}

// cantSteer: the floating IP has left, and this active has had no way to get
// it back for a while. Its peer may have one (ha-schedules.md 32).
func (m *Machine) cantSteer(now Time) bool {
	return !slip.Is(slip.CantSteerStays) && !m.third.ok && now >= m.third.since+steerPatience && m.steered.imdsRead && !m.steered.imds
}

// yield is R8.3: serve closes for good in this term, drain opens.
func (m *Machine) yield(now Time) {
	term := m.state.Granted.Term
	why := m.hand.why
	m.hand = handover{why: why, yielded: term}
	m.lease = lease{}
	m.note("yielded", fmt.Sprintf("term %d: %s", term, why))
	m.become(site.Standby, "")
	if m.fit || m.reason == keepalive.Stopping {
		m.drainFor(now, DrainMax)
	}
	m.sendAt = now
	m.say(now)
	m.sendAt = now + m.cfg.Keepalive
}

// hearHandover is the taker's ear.
func (m *Machine) hearHandover(now Time, msg *keepalive.Message) {
	t := &m.taking
	if m.role != site.Standby || msg.Prepare == 0 || msg.Prepare != m.state.Granted.Term || !m.fit || !m.third.ok ||
		now < m.started+LeaseMax { // it couldn't claim yet
		return
	}
	if t.prepare != msg.Prepare || now >= t.until {
		*t = taking{prepare: msg.Prepare}
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
