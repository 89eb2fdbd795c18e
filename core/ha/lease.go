package ha

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// lease is until when the active may serve, by each voice that can say so.
type lease struct {
	peer  Time // R5: the peer's answer
	third Time // R5: the witness's answer; R11: a read that shows the register as own
	imds  Time // R11, alone: stay: IMDS lists the floating IP here
}

// hearAsk is R3: the promise not to claim, given only by a standby that the
// asker can hear. A claim of a former boot of ours may be under way at the
// third, so nothing is answered before the register was read, nor while it
// shows a later term that isn't settled yet.
func (m *Machine) hearAsk(now Time, msg *keepalive.Message) {
	ask := msg.Ask
	granted := m.state.Granted
	if ask.Lease == 0 || m.role != site.Standby && !(slip.Is(slip.ClaimantAnswers) && m.role == site.Claiming) || ask.Term != granted.Term ||
		granted.Holder != msg.From || granted.Boot != msg.Boot {
		return
	}
	if m.echoAge(msg) >= m.echoLimit() && !slip.Is(slip.EchoIgnored) || m.hand.yielded == granted.Term {
		return
	}
	if m.cfg.Third == keepalive.ARM && (m.azure.claimed > granted.Term || !m.azure.read || now < m.azure.doubt && !slip.Is(slip.StaleBelieved)) && !slip.Is(slip.RestartedAnswers) && !slip.Is(slip.ClaimantAnswers) {
		return
	}
	m.prom = max(m.prom, now+min(ask.Lease, LeaseMax))
	m.answer(now, ask)
}

// hearAnswer is R5. A lease counts from when its question was sent.
func (m *Machine) hearAnswer(now Time, answer keepalive.Answer) {
	if answer.Term == 0 || answer.Term != m.state.Granted.Term || !m.serving() && m.role != site.Elect || answer.SentAt < max(m.resumed, m.change.asked) {
		return
	}
	from := answer.SentAt
	if slip.Is(slip.LeaseFromReply) {
		from = now
	}
	m.lease.peer = max(m.lease.peer, from+m.cfg.counted())
	m.waking = false
	m.resume(now)
}

// register: every read of the register teaches the term (R1); while the peer
// is gone it also renews the active's lease (R11).
func (m *Machine) register(now Time, e Register) {
	m.azure.read, m.azure.claimed = true, e.Claim.Term
	if e.Claim.Term > m.state.Granted.Term && m.ownClaim(e.Claim) {
		return // Won will tell
	}
	if e.Settled {
		m.learn(now, e.Claim, theRegister)
	}
	if m.state.Lost && m.known && e.Settled {
		m.state.Lost = false
		m.do(Save{m.state})
	}
	if m.cfg.Third == keepalive.ARM && m.serving() && e.Claim == m.state.Granted && e.SentAt >= m.resumed {
		m.lease.third = max(m.lease.third, e.SentAt+registerHold)
		m.waking = false
		m.resume(now)
	}
}

func (m *Machine) azureReach(now Time, e AzureReach) {
	if e.OK != m.azure.ok {
		m.azure.since = now
	}
	m.azure.ok, m.azure.problem = e.OK, e.Problem
}

// ownClaim: the peer has heard first what the third will tell this boot: that it
// has got the term, as a claimant or, from a witness, as the taker of a handover.
func (m *Machine) ownClaim(c site.Claim) bool {
	mine := c.Holder == m.cfg.Side && c.Boot == m.boot
	if m.cfg.Third == keepalive.Witness {
		return mine && c.Term > m.state.Granted.Term
	}
	return mine && m.role == site.Claiming
}

// metadata: IMDS is local and also shows a stolen address without ARM.
func (m *Machine) metadata(now Time, e Metadata) {
	was := m.steered.imds
	m.steered.imds, m.steered.imdsRead = e.Mine, true
	if e.Mine && e.SentAt >= m.resumed {
		m.lease.imds = max(m.lease.imds, e.SentAt+LeaseMax)
	}
	if !e.Mine {
		m.lease.imds = 0
		if again := now >= m.steered.missedAt+missedRest; (was || again) && m.serving() && m.steered.done {
			m.note("floating ip missing", "IMDS does not list it on the own NIC")
			m.steered.done, m.steered.missedAt = false, now
			m.aim(m.goal) // reads again at once
		}
	}
	m.drainOver(now)
	m.resume(now)
}

// serving: this boot holds the term and has not given it up.
func (m *Machine) serving() bool { return m.role == site.Active || m.role == site.Suspended }

// until is the end of the longest lease that counts now. What the third and
// IMDS say counts once the peer's answers have stopped (R11); after a pause
// IMDS counts only if the third can't be asked.
func (m *Machine) until(now Time) Time {
	if m.cfg.Third == keepalive.Witness {
		return max(m.lease.peer, m.lease.third)
	}
	if m.answered(now) || slip.Is(slip.AloneShuts) {
		return m.lease.peer
	}
	until := max(m.lease.peer, m.lease.third)
	if m.cfg.AloneStay && (!m.waking || !m.azure.ok) {
		until = max(until, m.lease.imds)
	}
	return until
}

// answered: the peer's last answer holds, and is no older than what makes it
// suspect.
func (m *Machine) answered(now Time) bool { return now < m.unansweredAt() }

// unansweredAt is when that ends. A lease may be shorter than the suspicion;
// then its last quarter is left, so that the gate doesn't close before a timer
// has run.
func (m *Machine) unansweredAt() Time {
	return m.lease.peer - max(m.cfg.counted()-m.cfg.suspect(), m.cfg.counted()/4)
}

// resume and expire are the two ways between active and suspended (R2, R5).
func (m *Machine) resume(now Time) {
	if m.role == site.Suspended && m.until(now) > now {
		m.become(site.Active, "lease renewed")
	}
}

func (m *Machine) expire(now Time) {
	if m.role == site.Active && m.mayServe() && m.until(now) <= now {
		if slip.Is(slip.LapseYields) {
			m.become(site.Standby, "the lease has run out")
			return
		}
		m.become(site.Suspended, fmt.Sprintf("lease of term %d has run out", m.state.Granted.Term))
	}
}
