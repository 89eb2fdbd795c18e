package ha

import (
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// stopping is a clean stop: the peer is told, the role is handed over, and what
// Azure still brings here is forwarded until it has moved.
type stopping struct {
	asked bool
	until Time
	done  bool
}

func (m *Machine) stop(now Time) {
	if m.stopped.asked {
		m.finish("told twice")
		return
	}
	m.stopped = stopping{asked: true, until: now + stopPatience}
	m.note("stopping", "the agent was told to stop")
	m.unfit(keepalive.Stopping)
	m.sendAt = now
}

// decideStop ends the agent once nothing depends on it.
func (m *Machine) decideStop(now Time) {
	s := &m.stopped
	if !s.asked || s.done {
		return
	}
	switch {
	case now >= s.until:
		m.finish("waited long enough")
	case m.role == site.Claiming && m.claim.sent:
		return
	case m.serving() && (m.peer.here() && m.peer.msg.Fit || m.takerAtWitness()):
		return // handing over
	case m.gate.drain > max(now, m.gate.own) && m.peer.here():
		return // until the traffic has left; what comes by its own address never does
	default:
		m.say(now)
		m.finish("nothing depends on it any more")
	}
}

func (m *Machine) finish(why string) {
	if m.stopped.done {
		return
	}
	m.stopped.done, m.solo = true, false
	m.gate = gate{}
	m.note("stopped", why)
	m.do(Serve{0}, Drain{0}, Down{false}, FloatingIP{false}, Stopped{})
}
