package steer

import (
	"fmt"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
)

// decidePrepare: everything that a claim needs is at hand.
func (m *Machine) decidePrepare() {
	if m.progress.prepared {
		return
	}
	for _, t := range m.wanted() {
		if r := &m.res[t]; r.nic == nil || r.dirty || r.sentAt < m.progress.since-prepareFresh {
			return
		}
	}
	m.progress.prepared = true
	m.tell(ha.Prepared{})
}

// decideClaim is R11: one compare-and-swap on the register, and won when a
// read shows it with nothing under way.
func (m *Machine) decideClaim(now time.Duration) {
	t, p := m.registerTarget(), &m.progress
	r := &m.res[t]
	if p.won || r.write != 0 || r.nic == nil {
		return
	}
	want := m.goal.Claim
	switch {
	case r.nic.Claim == want: // also if the answer to its write was lost
		if !r.pending && !r.dirty && r.nic.Settled() || slip.Is(slip.UnsettledWins) {
			p.won, m.wonAt = true, r.sentAt
			m.tell(ha.Won{SentAt: r.sentAt, Claim: want})
		}
	case r.nic.Claim.Term >= want.Term:
		// Somebody else's; the role machine has been told by the read.
	case r.dirty || r.pending || now-r.sentAt > fresh || now < r.nextPut:
		r.nextGet = min(r.nextGet, max(now, r.nextPut))
	default:
		if p.sent && slip.Is(slip.FirstAnswer) {
			m.tell(ha.ClaimFailed{Why: "a read shows that the write has not taken effect"})
		} else if p.sent {
			// The role machine decides first whether it still claims.
			p.sent, r.nextGet = false, now
			m.tell(ha.ClaimFailed{Why: "a read shows that the write has not taken effect", Unsure: true})
			return
		}
		p.sent = true
		m.tell(ha.ClaimSent{})
		m.put(t, m.claimBody(t), fmt.Sprintf("claim term %d%s", want.Term, m.alsoTakes(t)))
	}
}

// claimBody: when the secondary claims, the floating IP is left out in the same
// write, so the claim costs no extra call.
func (m *Machine) claimBody(t Target) []byte {
	nic := m.res[t].nic
	if t == PeerNIC {
		m.takes(nic)
		return nic.Body(m.goal.Claim, nil)
	}
	return nic.Body(m.goal.Claim, nic.Floating)
}

func (m *Machine) alsoTakes(t Target) string {
	if t == PeerNIC && m.res[t].nic.HasFIP() {
		return ", and take the floating IP off"
	}
	return ""
}

// decideHold is the reconciler of ha.md section 4.
func (m *Machine) decideHold(now time.Duration) {
	own, peer := &m.res[OwnNIC], &m.res[PeerNIC]
	if own.nic == nil || m.overruled() {
		return
	}
	if m.goal.Shut {
		m.reclaim(now)
	} else {
		m.takeOff(now, peer)
		m.putOn(now, own, peer)
	}
	done := m.atRest(own) && m.atRest(peer)
	if done {
		m.heeded(own)
		m.heeded(peer)
	}
	m.tellSteered(now, done)
	m.decideChange(now, done && !m.goal.Shut)
}

// overruled: a read shows a higher term, or the register another holder of this
// one, where it decides; nothing is written any more, and the role machine yields
// once it is settled.
func (m *Machine) overruled() bool {
	if slip.Is(slip.DeposedWrites) {
		return false
	}
	for _, t := range [...]Target{OwnNIC, PeerNIC} {
		nic := m.res[t].nic
		if nic == nil {
			continue
		}
		rival := m.goal.Third && t == m.registerTarget() && nic.Claim.Rivals(m.goal.Claim)
		if rival || nic.Claim.Term > m.goal.Claim.Term {
			return true
		}
	}
	return false
}

// reclaim: somebody has put an old register back. A holder whose lease is out
// may need the register to get a new one, so it writes its claim and no more.
func (m *Machine) reclaim(now time.Duration) {
	t := m.registerTarget()
	r := &m.res[t]
	if r.nic != nil && r.nic.Claim.Term < m.goal.Claim.Term && m.mayWrite(now, r) {
		m.put(t, r.nic.Body(m.goal.Claim, r.nic.Floating), "claim in the tag")
	}
}

func (m *Machine) takeOff(now time.Duration, peer *resource) {
	if peer.nic == nil || !m.mayWrite(now, peer) {
		return
	}
	switch {
	case peer.nic.HasFIP():
		m.takes(peer.nic)
		m.put(PeerNIC, peer.nic.Body(m.goal.Claim, nil), "take the floating IP off")
	case peer.nic.Claim != m.goal.Claim && !slip.Is(slip.TagsLeftOut):
		m.put(PeerNIC, peer.nic.Body(m.goal.Claim, nil), "claim in the tag")
	case peer.nic.State == failed && !slip.Is(slip.FailedIsDone): // else Azure keeps the address allocated to it
		m.put(PeerNIC, peer.nic.Body(m.goal.Claim, nil), "mend a failed update")
	}
}

func (m *Machine) putOn(now time.Duration, own, peer *resource) {
	unknown := peer.nic == nil && peer.refused == "" // an unreadable peer doesn't hold us up
	if unknown || (peer.nic != nil && peer.nic.HasFIP()) || m.outdated(now, peer) || !m.mayWrite(now, own) {
		return
	}
	switch {
	case m.lacking(own.nic):
		m.put(OwnNIC, own.nic.Body(m.goal.Claim, m.configs(own.nic, m.serving(own.nic))), "put the floating IP on")
	case own.nic.Claim != m.goal.Claim && !slip.Is(slip.TagsLeftOut):
		m.put(OwnNIC, own.nic.Body(m.goal.Claim, own.nic.Floating), "claim in the tag")
	case own.nic.State == failed:
		m.put(OwnNIC, own.nic.Body(m.goal.Claim, own.nic.Floating), "mend a failed update")
	}
}

// outdated: in a change it must be known what is on the peer's NIC now. Azure refuses
// an address that is there too, but not the other one: each vSocket would have one.
// With our claim in its tag the peer writes there no more; one that can't be read
// doesn't hold us up.
func (m *Machine) outdated(now time.Duration, peer *resource) bool {
	if len(m.fips) == 1 || peer.nic == nil || peer.unread || peer.nic.Claim == m.goal.Claim ||
		now-peer.sentAt <= fresh || !m.lacking(m.res[OwnNIC].nic) {
		return false
	}
	peer.nextGet = min(peer.nextGet, now)
	return true
}

// mayWrite: one operation a resource, on a read that is recent and later than
// our last write.
func (m *Machine) mayWrite(now time.Duration, r *resource) bool {
	if r.write != 0 || r.pending {
		return false
	}
	if r.dirty || now < r.nextPut || now-r.sentAt > fresh {
		if r.nextPut > 0 || r.dirty || m.differs(r) {
			r.nextGet = min(r.nextGet, max(now, r.nextPut))
		}
		return false
	}
	return true
}

// differs: something is to be written on r, so a stale read is worth renewing.
func (m *Machine) differs(r *resource) bool {
	misplaced := r.nic.HasFIP()
	if r == &m.res[OwnNIC] {
		misplaced = m.lacking(r.nic)
	}
	return r.nic.Claim != m.goal.Claim || misplaced || r.nic.State == failed
}

// atRest: the resource shows what is wanted and nothing is under way but a change
// that Azure has not accepted yet.
func (m *Machine) atRest(r *resource) bool {
	return r.nic != nil && (r.write == 0 || r.write == m.change.write) && !r.pending && !r.dirty && r.nic.State == "Succeeded" && !m.differs(r)
}

// tellSteered tells what has changed.
func (m *Machine) tellSteered(now time.Duration, done bool) {
	p, own := &m.progress, &m.res[OwnNIC]
	if done && !p.done {
		p.doneAt = now
	}
	if p.done && !done {
		m.missed()
	}
	p.done = done
	// A read from before the claim was won may show what the last active has
	// changed since.
	peer := &m.res[PeerNIC]
	told := ha.Steered{
		Mine: own.nic.HasFIP() && own.sentAt >= max(m.wonAt, p.doubted),
		Done: done && own.sentAt >= p.doubted && peer.sentAt >= p.doubted,
	}
	if p.told == nil || *p.told != told {
		p.told = &told
		m.tell(told)
	}
}

// missed names what an active's periodic read has found (B6).
func (m *Machine) missed() {
	own, peer := m.res[OwnNIC].nic, m.res[PeerNIC].nic
	switch {
	case peer != nil && peer.HasFIP():
		m.note("floating ip on the peer", "somebody has moved it; it is moved back")
	case m.lacking(own):
		m.note("floating ip missing", "it is on neither NIC; it is put back")
	}
}
