package ha

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// gate is what the driver has been told last (R9). Openings end by themselves,
// so an expired deadline is a closed gate.
type gate struct {
	serve, drain Time
	own          Time // so long it drains what comes by the vSocket's own address (solo.go)
	serveOpen    bool // for the timeline
	drainOpen    bool
	down         bool
	guest        bool // the floating IP is on the guest's interface
}

// applyGates tells the driver what has changed.
func (m *Machine) applyGates(now Time) {
	g := &m.gate
	serve := Time(0)
	if m.role == site.Active && (m.mayServe() || slip.Is(slip.ServesUnread)) {
		serve = m.until(now)
	} else if m.solo && !m.serving() {
		serve = m.soloUntil(now)
	}
	if serve != g.serve && (serve > now || g.serve > now) {
		m.do(Serve{serve})
	}
	g.serve = serve
	m.noteGate(&g.serveOpen, serve > now, "gate")
	m.noteGate(&g.drainOpen, g.drain > now, "drain")
	if down := (m.solo || m.known && (m.fit || m.reason == keepalive.Stopping)) && !m.stopped.done; down != g.down {
		g.down = down
		m.do(Down{down})
	}
	if guest := m.role == site.Active; guest != g.guest && m.role != site.Suspended {
		g.guest = guest
		m.do(FloatingIP{guest})
	}
}

func (m *Machine) noteGate(was *bool, open bool, name string) {
	if *was == open {
		return
	}
	*was = open
	if open {
		m.note(name+" opened", fmt.Sprintf("term %d", m.state.Granted.Term))
	} else {
		m.note(name+" closed", "")
	}
}

// mayServe: with a witness the term suffices, as it fences the cloud; with ARM the
// floating IP must have been read back as own (R11), as its last holder may have it
// still; who comes from solo is its own last holder.
func (m *Machine) mayServe() bool {
	return m.steered.mine || m.solo || m.cfg.Third == keepalive.Witness
}

// drainUntil opens the drain: traffic that Azure still brings goes on its way.
func (m *Machine) drainUntil(end Time) {
	m.gate.drain = end
	m.do(Drain{end})
}

// drainOver ends it a little after the floating IP has left.
func (m *Machine) drainOver(now Time) {
	end := max(now+drainQuiet, m.gate.own)
	if m.gate.drain > end && m.steered.imdsRead && !m.steered.imds {
		m.drainUntil(end)
	}
}

// drained ends the drain of one that serves. What still comes by its own address
// would be lost before the floating IP is here.
func (m *Machine) drained(now Time) {
	if m.gate.drain != 0 && (m.gate.own <= now || m.mayServe()) {
		m.gate.drain, m.gate.own = 0, 0
		m.do(Drain{0})
	}
}

// fitness: the probes' verdict. While stopping it is not believed any more.
func (m *Machine) fitness(now Time, e Fitness) {
	if m.stopped.asked || (m.fit == e.Fit && m.reason == e.Reason) {
		return
	}
	m.fit, m.reason = e.Fit, e.Reason
	if e.Fit {
		m.note("fit", "")
	} else {
		m.note("not fit", e.Reason.String())
	}
	m.sendAt = now
}

// yieldedTo opens the drain of an active that learns of a higher term (R1): its
// egress may still work while Azure moves the address.
func (m *Machine) yieldedTo(now Time, was site.Role) {
	if was == site.Active && (m.fit || m.reason == keepalive.Stopping) {
		m.drainUntil(now + DrainMax)
	}
}

// unfit says so with the reason, as a stopping agent does.
func (m *Machine) unfit(reason keepalive.Reason) { m.fit, m.reason = false, reason }
