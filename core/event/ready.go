package event

import (
	"fmt"

	"releve.dev/releve/site"
)

// failOver follows how long the secondary has been active.
type failOver struct {
	active lasting
	reason string
}

// readFailOver makes no event of a short one: the source's upgrade takes 20 s.
func (m *Maker) readFailOver() {
	f := &m.over
	if m.r.Side != site.Secondary || m.r.HA == nil { // without HA it is active by itself
		*f = failOver{}
		return
	}
	is := active(m.r.Role)
	if is && (!f.active.seen || !f.active.next) {
		f.reason = m.whyActive()
	}
	if f.active.read(m.now, is, m.limits.FailOver, 0) && is && m.memory.FailOver != m.r.Term {
		m.memory.FailOver = m.r.Term
		m.say(FailOver, f.active.wall, func(e *Event) {
			e.Reason = f.reason
			e.Message = "the secondary has taken over"
		})
	}
}

func (m *Maker) whyActive() string {
	switch p := &m.r.Peer; {
	case !p.Heard:
		return "the primary is not heard"
	case p.Reason != "":
		return "the primary is not fit: " + p.Reason
	}
	return "the primary has handed over"
}

// readyState follows HA's readiness.
type readyState struct {
	ok     lasting
	reason string // of not being ready
}

// speaks says whether this vSocket tells what is the site's matter.
func (m *Maker) speaks() bool {
	mine, theirs := active(m.r.Role), m.r.Peer.Heard && active(m.r.Peer.Role)
	if mine != theirs {
		return mine
	}
	return m.r.Side == site.Primary || !m.r.Peer.Heard && !m.r.Peer.Seen
}

func (m *Maker) readReadiness() {
	s := &m.ready
	if m.r.HA == nil {
		*s, m.unsaid, m.memory.NotReady = readyState{}, nil, false
		return
	}
	ok, reason := m.r.HA.OK, m.r.HA.Reason
	if m.r.Role == site.Active && m.r.Peer.Heard && m.r.Peer.Role == site.Active {
		ok, reason = false, "both vSockets are active"
	}
	if !ok {
		s.reason = reason
	}
	changed := s.ok.read(m.now, ok, m.limits.Ready, m.limits.NotReady)
	switch {
	case changed && ok:
		m.sayReady()
	case changed && !m.memory.NotReady:
		now := m.now
		m.unsaid = &now
	}
	if s.ok.known && !s.ok.value && !m.memory.NotReady && m.speaks() {
		m.sayNotReady()
	}
}

// sayReady is up to who has said the opposite, or has taken it over.
func (m *Maker) sayReady() {
	if m.memory.NotReady {
		m.say(HAReady, m.ready.ok.wall, func(e *Event) { e.Message = "HA is Ready" })
	}
	m.memory.NotReady, m.unsaid = false, nil
}

// sayNotReady says it, if that is new; from now on Ready is this vSocket's to say.
func (m *Maker) sayNotReady() {
	if m.unsaid != nil && m.now.lived-m.unsaid.lived <= Overlap {
		m.sayAt(HANotReady, m.unsaid.wall, m.ready.ok.wall, func(e *Event) {
			e.Reason = m.ready.reason
			e.Message = fmt.Sprintf("HA is Not Ready: %s", m.ready.reason)
		})
	}
	m.memory.NotReady, m.unsaid = true, nil
}
