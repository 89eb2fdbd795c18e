package sim

import (
	"releve.dev/releve/site"
)

// movesCheck is P4 (ha.md section 5, 4): the active changes for a reason, once,
// and the floating IP moves once for each change.
type movesCheck struct {
	indifferent
	w       *World
	claims  int // since the healing
	byHand  int
	arrived int // times that the data plane has brought the floating IP to somebody
}

func (m *movesCheck) writes(by *node, side site.Side, before, after *nic) {
	if by == nil {
		m.byHand++
		return
	}
	if side != site.Primary || after.claim.Term <= before.claim.Term {
		return
	}
	if m.w.heal {
		m.claims++
	}
	failback := after.claim.Holder == site.Primary && before.claim.Holder == site.Secondary
	if !failback && before.claim.Term != 0 && !m.reason() {
		m.w.fail("no flapping", "%s follows %s, but nothing had been wrong for long", after.claim, before.claim)
	}
	// Each beginning and each end of a fault may cost a takeover and a failback.
	if begun := m.begun(); m.w.stats.Grants > 3+4*begun {
		m.w.fail("no flapping", "%d terms after %d faults", m.w.stats.Grants, begun)
	}
	// One takeover, a failback, and one claim that was under way.
	if m.claims > 4 {
		m.w.fail("no flapping", "%d claims since the healing, the last one %s", m.claims, after.claim)
	}
}

func (m *movesCheck) begun() (n int) {
	for i := range m.w.sched.Faults {
		if m.w.sched.Faults[i].At <= m.w.now {
			n++
		}
	}
	return n
}

// reason: a fault was on lately.
func (m *movesCheck) reason() bool {
	within := bounds(m.w.sched).Serve
	for i := range m.w.sched.Faults {
		f := &m.w.sched.Faults[i]
		if f.At <= m.w.now && m.w.now <= min(f.End(), m.w.sched.Settings.Safety)+within {
			return true
		}
	}
	return false
}

func (m *movesCheck) delivers(_, now site.Side) {
	if now == site.NoSide {
		return
	}
	if m.arrived++; m.arrived > 1+m.w.stats.Grants+m.byHand {
		m.w.fail("no flapping", "the floating IP has moved %d times for %d changes of the active", m.arrived, m.w.stats.Grants)
	}
}
