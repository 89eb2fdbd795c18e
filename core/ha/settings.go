package ha

import (
	"fmt"
	"time"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Settings change while the machine runs (R14, decision 9). Hold, preempt, confirm
// and alone are each vSocket's own business and count at once. The timers are the
// two's: whoever has the new ones first goes by the wider of old and new until its
// peer says that it holds them too. Neither role nor gate changes.
//
//   - It sends as often as either wants, and finds nobody silent or deaf before both
//     would. So the two hear each other whichever of them goes by which.
//     What the witness sees of the peer is as old as the wider timers let it be, so
//     none of it counts until the peer has had the new silence to speak in.
//   - It asks for the shorter lease. A promise is as long as its question says
//     (R3, R4), so who promises needs to know nothing; what the asker counts is what
//     it has asked for. When the longer lease begins, older questions are void.
//   - One lease is nobody's promise: who was handed a term, and hasn't heard its
//     giver yield, waits for the giver's lease to be over (R8.4). It waits for the
//     longest that settings allow, unless the two have gone by the same ones for as
//     long as that: no older lease can be under way then.
type change struct {
	wider bool   // the timers are the wider of two settings
	want  Config // the new ones, meanwhile
	echo  Time   // the longer lease, by which a peer is deaf
	asked Time   // questions from before are void
	since Time   // since when the peer goes by the same settings; 0: it doesn't
	ended Time   // when the wider timers ended
}

// Takes reports whether a running machine can take the settings next. If not, a
// machine must be made anew with them.
func (c *Config) Takes(next *Config) bool {
	return c.Side == next.Side && c.Third == next.Third && c.WitnessID == next.WitnessID && c.PoPs == next.PoPs
}

func (c *Config) timers() [3]time.Duration {
	return [...]time.Duration{c.Keepalive, c.Silent, c.Lease}
}

func (m *Machine) configure(now Time, next Config) {
	c, echo := &m.cfg, m.echoLimit()
	c.Generation, c.Confirm, c.Hold, c.Preempt, c.AloneStay, c.Waits = next.Generation, next.Confirm, next.Hold, next.Preempt, next.AloneStay, next.Waits
	m.change.want, m.change.since = next, 0
	if m.peer.ever && m.peer.msg.Holds == c.Generation {
		m.change.since = now
	}
	if slip.Is(slip.SettingsAtOnce) {
		c.Keepalive, c.Silent, c.Lease = next.Keepalive, next.Silent, next.Lease
	}
	how := ""
	if m.change.wider = m.change.wider || c.timers() != next.timers(); m.change.wider {
		c.Keepalive, c.Silent, c.Lease = min(c.Keepalive, next.Keepalive), max(c.Silent, next.Silent), min(c.Lease, next.Lease)
		m.change.echo = max(echo, next.Lease)
		how = ", beside the old timers until the peer has the new ones"
	}
	m.note("settings", fmt.Sprintf("generation %d%s", c.Generation, how))
	m.failback.since, m.failback.wants = 0, false
	m.sendAt = now
}

// hearHolds watches which settings the peer goes by.
func (m *Machine) hearHolds(now Time, msg *keepalive.Message) {
	switch {
	case msg.Holds != m.cfg.Generation:
		m.change.since = 0
	case m.change.since == 0 || msg.Boot != m.peer.msg.Boot:
		m.change.since = now
	}
}

// Agreed reports whether the peer has said that it goes by the same settings.
func (m *Machine) Agreed() bool { return m.change.since != 0 }

// decideAgreed ends the old timers once the peer needs them no more.
func (m *Machine) decideAgreed(now Time) {
	if !m.change.wider || !m.Agreed() {
		return
	}
	want := &m.change.want
	if want.Lease > m.cfg.Lease {
		m.change.asked = now
	}
	m.cfg.Keepalive, m.cfg.Silent, m.cfg.Lease = want.Keepalive, want.Silent, want.Lease
	m.change.wider, m.change.ended = false, now
	m.note("settings", fmt.Sprintf("generation %d: the peer has it too, the old timers end", m.cfg.Generation))
}

// echoLimit is the age from which on an echo says that the peer is deaf.
func (m *Machine) echoLimit() Time {
	if m.change.wider {
		return m.change.echo
	}
	return m.cfg.Lease
}

// giverLease is the longest that whoever held the term before may still count.
func (m *Machine) giverLease(now Time, from site.Claim) Time {
	same := from.Generation == m.cfg.Generation && !m.change.wider
	if m.peer.ever {
		same = m.Agreed() && now >= max(m.change.since, m.started)+LeaseMax
	}
	if same {
		return m.cfg.Lease
	}
	return LeaseMax
}

// mayHandForSettings: the peer has taken the whole of the settings, which this active
// can take as a standby only (R14).
func (m *Machine) mayHandForSettings() string {
	if !m.cfg.Waits || !m.Agreed() || m.peer.msg.Waits || !m.steered.done {
		return ""
	}
	return fmt.Sprintf("settings of generation %d", m.cfg.Generation)
}

// Resting reports whether this is a standby on which nothing hangs: its peer is
// there and serves, and no handover is under way. It may be made anew; what it has
// promised is over before the new one claims (R0).
func (m *Machine) Resting(now Time) bool {
	return m.role == site.Standby && m.gate.drain <= now && m.gate.serve <= now && m.taking.prepare == 0 &&
		m.peer.here() && m.peer.msg.Role == site.Active && m.peer.msg.Leased
}

// Alone reports whether this vSocket serves, and has no peer: it may leave the pair.
func (m *Machine) Alone(now Time) bool {
	return (m.role == site.Active || m.solo) && m.gate.serve > now && !m.peer.here()
}
