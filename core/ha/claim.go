package ha

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// claim is an attempt at the next term (R6, R11).
type claim struct {
	why       string
	sent      bool   // its write is under way
	refused   bool   // Azure has refused its write: the peer may have better luck
	nonce     uint64 // names it at the witness
	deposedAt Time   // when a claim of the peer's took the role away in a silence
	wait      Time   // how long a deposed one waits then; doubles
	blocked   string
}

func (c *claim) reset() { c.why, c.sent, c.refused, c.blocked = "", false, false, "" } // the nonce never comes twice

// decideClaim starts a claim, or drops one that isn't needed any more.
func (m *Machine) decideClaim(now Time) {
	switch m.role {
	case site.Claiming:
		m.dropClaim(now)
	case site.Standby:
		why, ok := m.needed(now)
		if !ok {
			m.claim.blocked = ""
			return
		}
		if blocked := m.prevented(now); blocked != "" {
			if blocked != m.claim.blocked {
				m.note("claim waits", blocked)
			}
			m.claim.blocked = blocked
			return
		}
		m.startClaim(now, why)
	}
}

func (m *Machine) startClaim(now Time, why string) {
	m.claim.reset()
	m.claim.why = why
	if m.state.Deposed {
		m.claim.deposedAt, m.claim.wait = now, 2*m.claim.wait
	}
	m.taking = taking{}
	next := site.Claim{Term: m.state.Granted.Term + 1, Holder: m.cfg.Side, Boot: m.boot, Generation: m.cfg.Generation}
	m.note("claim", fmt.Sprintf("term %d: %s", next.Term, why))
	m.become(site.Claiming, why)
	m.sendAt = now
	if m.cfg.Third == keepalive.Witness {
		m.claim.nonce++
		m.witness.hurry = true
		return
	}
	m.aim(Goal{Mode: Claim, Claim: next})
}

// dropClaim: the active of this term is back (R6), and nothing was written yet.
func (m *Machine) dropClaim(now Time) {
	if m.cfg.Third == keepalive.Witness {
		m.dropQuestion(now)
		return
	}
	p := &m.peer
	if m.claim.sent || !p.here() || p.msg.Role != site.Active || p.msg.Granted.Term != m.state.Granted.Term ||
		p.msg.Yielded == m.state.Granted.Term || !p.msg.Fit {
		return
	}
	m.claim.reset()
	m.become(site.Standby, "the active is heard again, nothing was written")
	m.aim(Goal{Mode: Watch})
}

// prevented says what a needed claim still lacks, or "".
func (m *Machine) prevented(now Time) string {
	switch {
	case !m.cfg.Version.AtLeast(site.HAVersion):
		return "version " + m.cfg.Version.String() + " is below " + site.HAVersion.String()
	case !m.fit:
		return "not fit: " + m.reason.String()
	case !m.thirdOK():
		return m.thirdProblem()
	case m.state.Lost && m.cfg.PoPs > 1:
		return "the register has to be read first, as the state was lost"
	case now < m.started+LeaseMax && !slip.Is(slip.StartIgnored):
		return "started less than the longest lease ago"
	case now < m.prom && !m.peerYielded() && !slip.Is(slip.PromiseIgnored):
		return "the peer's lease has not run out"
	}
	return ""
}

// needed is the condition of R6, and R11's for a silence.
func (m *Machine) needed(now Time) (why string, ok bool) {
	p := &m.peer
	if m.peerYielded() {
		return "the peer yielded" + because(p.msg.Reason.String()), true
	}
	if p.here() {
		return m.neededIdle(now)
	}
	if p.gone(now) {
		if m.cfg.Third == keepalive.Witness {
			return m.neededAtWitness(now)
		}
		return m.neededSilent(now)
	}
	return "", false
}

// neededIdle is R6b: the peer is there, and nobody is active.
func (m *Machine) neededIdle(now Time) (string, bool) {
	p := &m.peer
	if slip.Is(slip.NobodyClaims) {
		return "", false
	}
	stuck := p.msg.Role == site.Claiming && !p.msg.ThirdOK // it will not hear whether it has won, or Azure refuses it
	idle := p.msg.Granted.Term <= m.state.Granted.Term && stuck ||
		p.msg.Granted.Term == m.state.Granted.Term && (p.msg.Role == site.Standby || p.msg.Role == site.Mute)
	if !idle {
		p.idleSince = 0
		return "", false
	}
	if p.idleSince == 0 {
		p.idleSince = max(now, m.started+LeaseMax)
	}
	wait := 2 * m.cfg.Silent
	switch {
	case stuck:
		wait = max(wait, steerPatience)
	case m.hand.yielded == m.state.Granted.Term && m.hand.yielded != 0:
		wait = LeaseMax // the taker goes first
	case m.state.Granted.Holder == m.cfg.Side, m.heir:
		wait = 0
	case m.cfg.Side == site.Primary:
		wait = m.cfg.Silent
	case p.msg.Fit:
		// A primary that has just started may not claim yet; it goes first.
		wait = max(wait, p.since+LeaseMax+wait-p.idleSince)
	}
	return "nobody is active", now >= p.idleSince+wait
}

// neededSilent is R6a with R11's fresh silence.
func (m *Machine) neededSilent(now Time) (string, bool) {
	p := &m.peer
	since := p.twoWay
	if since == 0 {
		since = m.started
	}
	if m.servesDeaf(now) {
		return "", false
	}
	certain := now >= since+m.cfg.Silent+m.cfg.Confirm
	granted := m.state.Granted
	switch {
	case p.vmStopped:
		return "Azure shows the peer's VM stopped", true
	case m.state.Deposed:
		return "long after being deposed in a silence", now >= m.claim.deposedAt+m.claim.wait
	case granted.Term == 0 || granted.Holder == m.cfg.Side:
		return "the term has no live holder, and the peer is silent", certain
	case p.active:
		return "the active peer is silent", certain
	case !p.ever:
		return "the peer was not heard since the start", certain
	default:
		// Heard in this term, but never as active: it was claiming, or
		// starting, when it fell silent.
		return "the peer fell silent before it was active", certain
	}
}

// servesDeaf: the peer doesn't hear us, but is heard to serve. With ARM as third
// that is a life as good as the witness's word (R6a): to claim would move the
// floating IP for a path that both do without.
func (m *Machine) servesDeaf(now Time) bool {
	msg := &m.peer.msg
	for _, line := range m.peer.paths {
		if line.heard && now-line.at < m.cfg.Silent {
			return msg.Role == site.Active && msg.Fit && msg.Leased && msg.Granted.Term == m.state.Granted.Term
		}
	}
	return false
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// peerYielded: the peer's present boot will not serve this term again (R6c).
func (m *Machine) peerYielded() bool {
	p, v := &m.peer, &m.witness.other
	if v.Yielded != 0 && v.Yielded == m.state.Granted.Term && v.Boot == m.state.Granted.Boot {
		return true
	}
	return p.ever && p.msg.Yielded != 0 && p.msg.Yielded == m.state.Granted.Term && p.msg.Granted.Holder == m.cfg.Side.Peer() &&
		p.msg.Granted.Boot == p.boot
}

// won: the third has granted the term.
func (m *Machine) won(now Time, e Won) {
	if e.Claim.Boot != m.boot || e.Claim.Holder != m.cfg.Side || e.Claim.Term <= m.state.Granted.Term {
		return
	}
	m.take(now, e.Claim)
	m.lease.third = e.SentAt + registerHold
	m.serve(now)
}

// take: the third has granted the term to this boot.
func (m *Machine) take(now Time, granted site.Claim) {
	if m.state.Granted.Holder == m.cfg.Side.Peer() {
		m.failback.took(now)
	}
	m.state.Granted, m.heir = granted, false
	m.state.Deposed = false
	if !slip.Is(slip.StateNotKept) {
		m.do(Save{m.state})
	}
	m.known = true
	why := ""
	if m.claim.why != "" {
		why = ", after " + m.claim.why
	}
	m.note("term granted", fmt.Sprintf("term %d%s", granted.Term, why))
	m.claim.reset()
	m.claim.wait = deposedWait
	m.lease = lease{imds: m.lease.imds}
	m.hand, m.taking, m.elect = handover{}, taking{}, elect{}
	m.steered.mine, m.steered.done = false, false
	m.azure.refused.since = 0
	m.peer.newTerm()
	m.sendAt, m.witness.hurry = now, true
}

// serve makes the holder active.
func (m *Machine) serve(now Time) {
	m.become(site.Active, fmt.Sprintf("term %d", m.state.Granted.Term))
	m.drained(now)
	m.aim(m.hold(now))
}

// hold is the goal of who holds the term.
func (m *Machine) hold(now Time) Goal {
	return Goal{Mode: Hold, Claim: m.state.Granted, Alone: m.alone(now), Shut: m.role == site.Suspended, Third: m.cfg.Third == keepalive.ARM}
}

// claimFailed: nothing was written; the next read decides anew.
func (m *Machine) claimFailed(now Time, e ClaimFailed) {
	m.claim.sent, m.claim.refused = false, true
	if e.Unsure {
		m.azure.doubt = now + StaleMax
	}
	m.note("claim failed", e.Why)
}

// steering takes what the reads show.
func (m *Machine) steering(now Time, e Steered) {
	s := &m.steered
	if e.Mine && !s.mine && m.serving() {
		m.note("floating ip read back", "on the own NIC")
	}
	s.mine = s.mine || e.Mine
	if m.serving() && e.Mine {
		m.solo = false
		m.drained(now)
	}
	if e.Done && !s.done && m.serving() {
		m.note("steering done", "the floating IP is on the own NIC alone")
	}
	if e.Done && !s.done {
		s.missedAt = now // IMDS may be a little behind ARM
	}
	s.done = e.Done
	m.sendAt = min(m.sendAt, now+m.cfg.Keepalive)
}

// alone: the peer's answers have stopped.
func (m *Machine) alone(now Time) bool { return m.peer.suspect || !m.answered(now) }

// decideGoal keeps the steering's goal in step with the role.
func (m *Machine) decideGoal(now Time) {
	goal := Goal{Mode: Rest}
	if m.taking.prepare != 0 && now >= m.taking.until {
		m.taking = taking{}
	}
	switch {
	case m.role == site.Claiming && m.cfg.Third == keepalive.ARM:
		return
	case m.role == site.Claiming, m.role == site.Elect, m.role == site.Suspended && m.cfg.Third == keepalive.Witness:
		goal.Mode = Prepare
	case m.serving():
		goal = m.hold(now)
	case m.peer.suspect && m.known && m.fit && m.peer.twoWay != 0 && !m.state.Deposed, m.taking.from(m.state.Granted.Term):
		goal.Mode = Prepare
	case !m.known || !m.azure.ok || m.peer.silent || m.peer.idleSince != 0:
		goal.Mode = Watch
	}
	if goal != m.goal {
		m.aim(goal)
	}
}

// decideMetadata: an active, and one that drains, looks at IMDS each second,
// and at once after a pause.
func (m *Machine) decideMetadata(now Time) {
	if !m.serving() && m.gate.drain <= now {
		return
	}
	if now >= m.steered.imdsAt+metadataRest || (m.waking && m.steered.imdsAt < m.resumed) {
		m.steered.imdsAt = now
		m.do(ReadMetadata{})
	}
}
