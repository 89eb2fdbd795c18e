package ha

import (
	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// say sends a keepalive: all that the peer may want to know, each time. "Yielded"
// says that the gate is shut, so it is shut first: whoever hears it opens its own,
// and this agent may be killed right after having said it.
func (m *Machine) say(now Time) {
	if m.hand.yielded != 0 && !slip.Is(slip.YieldedTold) {
		m.applyGates(now)
	}
	m.seq++
	p := &m.peer
	m.out = keepalive.Message{
		From: m.cfg.Side, Boot: m.boot, Seq: m.seq, Sent: now, Nonce: m.nonce,
		EchoNonce: p.nonce, HelloNonce: p.hello,
		Granted: m.state.Granted, Role: m.role, Fit: m.fit, Reason: m.reason,
		Third: m.cfg.Third, ThirdOK: m.thirdOK() && !m.claim.refused, AzureOK: m.azure.ok,
		Steered: m.role == site.Active && m.steered.done,
		Leased:  m.gate.serve > now,
		Version: m.cfg.Version,
		Yielded: m.hand.yielded, Prepare: m.hand.preparing(), Ready: m.readyFor(now),
		Wants: m.failback.wants, Holds: m.cfg.Generation, Waits: m.cfg.Waits,
	}
	if slip.Is(slip.WantedTermTold) && m.role == site.Claiming {
		m.out.Granted = m.goal.Claim
	}
	if m.cfg.PoPs > 0 {
		m.out.PoP = uint8(m.state.PoP + 1)
	}
	for i, line := range p.paths {
		if line.heard {
			m.out.Echo[i] = keepalive.Echo{Boot: p.boot, Seq: line.seq, Age: now - line.at}
		}
	}
	if m.serving() || m.role == site.Elect {
		m.out.Ask = keepalive.Ask{Term: m.state.Granted.Term, SentAt: now, Lease: m.cfg.Lease}
	}
	m.do(Send{&m.out})
}

// answer says at once, with a promise in it, what would have been said at the
// next tick.
func (m *Machine) answer(now Time, ask keepalive.Ask) {
	m.sendAt = now + m.cfg.Keepalive
	m.say(now)
	m.out.Answer = keepalive.Answer{Term: ask.Term, SentAt: ask.SentAt}
}
