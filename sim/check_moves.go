package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// movesCheck is P4 (ha.md section 5, 4): the active changes for a reason, once,
// and the floating IP moves once for each change.
type movesCheck struct {
	indifferent
	w       *World
	claims  int // since the healing
	byHand  int
	taken   int // takeovers of a term that its holder had not yielded
	highest site.Term
	last    time.Duration // the last change
	arrived int           // times that the data plane has brought the floating IP to somebody
}

func (m *movesCheck) writes(by *node, side site.Side, before, after *nic) {
	if by == nil {
		m.byHand++
		return
	}
	if side != site.Primary || after.claim.Term <= max(before.claim.Term, m.highest) {
		return
	}
	m.highest = after.claim.Term
	if m.w.heal {
		m.claims++
	}
	failback := after.claim.Holder == site.Primary && before.claim.Holder == site.Secondary
	if !failback && before.claim.Term != 0 && !m.reason() {
		m.w.fail("no flapping", "%s follows %s, but nothing had been wrong for long", after.claim, before.claim)
	}
	m.last = m.w.now
	if m.w.pops == nil && before.claim.Term != 0 && m.w.promises.yielded[before.claim.Holder] != before.claim.Term {
		m.taken++
	}
	if edges, clear := m.edges(); clear && m.taken > 1+edges {
		m.w.fail("no flapping", "%d takeovers, but faults have begun or ended %d times", m.taken, edges)
	}
	// One takeover, a failback, and one claim that was under way.
	if m.claims > 4 {
		m.w.fail("no flapping", "%d claims since the healing, the last one %s", m.claims, after.claim)
	}
}

// edges counts the beginnings and ends of faults up to now. It is clear what
// each may cost unless there is one that goes on making losses, or a person.
func (m *movesCheck) edges() (n int, clear bool) {
	for i := range m.w.sched.Faults {
		f := &m.w.sched.Faults[i]
		switch f.Kind {
		case Change:
			continue // costs nothing
		case Cut, Crash, Reboot, Wipe, Off, Stop, Pause, Freeze, Stall, WAN, LAN, IMDS, Silent:
		default:
			return 0, false
		}
		if f.At <= m.w.now {
			n++
		}
		if f.End() <= m.w.now {
			n++
		}
	}
	return n, true
}

// said: the role is asked back only when all has been well for the hold time.
func (m *movesCheck) said(n *node, what string) {
	if well := m.w.now - m.last; what == "asks for the role back" && well < m.w.least.Hold-10*time.Millisecond {
		m.w.fail("no flapping", "the %s asks for the role %v after the last change; the hold time is %v", n.side, well, m.w.least.Hold)
	}
	if what == "asks for the role back" && m.w.azure.owner != n.side.Peer() && !m.w.has(Move, Remove, Apply, Edit, Stale) {
		m.w.fail("failback at rest", "the %s asks for the role before Azure brings the floating IP to its peer", n.side)
	}
	if what == "asks for the role back" && m.w.cutOnLAN() && !(m.w.has(Freeze) && n.until+m.w.most.Silent > m.w.now) {
		m.w.fail("failback by the LAN", "the %s asks for the role, but no keepalive crosses the LAN", n.side)
	}
}

// cutOnLAN: for longer than a silence and a keepalive none has crossed the LAN one
// way or the other, not even an old copy of one.
func (w *World) cutOnLAN() bool {
	for i, on := range w.under {
		f := &w.sched.Faults[i]
		if on && f.Kind == Cut && f.path(keepalive.LAN) && w.now > f.At+w.most.Silent+w.most.Keepalive+50*time.Millisecond && !w.has(Old) {
			return true
		}
	}
	return false
}

// reason: a fault was on lately.
func (m *movesCheck) reason() bool {
	within := bounds(m.w.sched).Serve
	for i := range m.w.sched.Faults {
		f := &m.w.sched.Faults[i]
		if m.short(f) || f.Kind == Change || f.Kind == Readdress {
			continue
		}
		if f.At <= m.w.now && m.w.now <= min(f.End(), m.w.sched.Settings.Safety)+within {
			return true
		}
	}
	return false
}

// short: it stands still for less than its peer takes to be sure, which costs
// the lease at most, never the term (ha-schedules.md 12).
func (m *movesCheck) short(f *Fault) bool {
	return (f.Kind == Pause || f.Kind == Stall) && f.For+2*m.w.most.Keepalive < m.w.least.Silent
}

func (m *movesCheck) delivers(_, now site.Side) {
	if now == site.NoSide {
		return
	}
	if m.arrived++; m.arrived > 1+m.w.stats.Grants+m.byHand {
		m.w.fail("no flapping", "the floating IP has moved %d times for %d changes of the active", m.arrived, m.w.stats.Grants)
	}
}
