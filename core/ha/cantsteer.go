package ha

import "releve.dev/releve/core/slip"

// An active can't steer if the floating IP is elsewhere, and this active has had no
// way to get it back for a while: it doesn't reach Azure, or Azure refuses what it
// writes. Its peer may have one (ha-schedules.md 32).
//
// Only a write shows whether Azure refuses still, and only the active writes. So who
// has given the role for that leaves it to its peer for as long as takeovers are
// remembered. Nor does it give it for that again meanwhile: if Azure refuses both, it
// would go to and fro.

// refusal is what is known of Azure's refusing the writes of this holder.
type refusal struct {
	since Time // of the first in a row; 0: it takes them
	last  Time // of the last one
	why   string
	left  Time // when the role went meanwhile; 0: never
}

func (a *azure) refuses(now Time, e Refused) {
	r := &a.refused
	switch {
	case e.Why == "":
		r.since = 0
		return
	case r.since == 0:
		r.since = now
	}
	r.last, r.why = now, e.Why
}

// refusing: it has refused for long, and not only once.
func (a *azure) refusing() bool {
	r := &a.refused
	return r.since != 0 && r.last >= r.since+steerPatience
}

// left: the role goes.
func (a *azure) left(now Time) {
	if a.refusing() {
		a.refused.left = now
	}
}

func (a *azure) gaveLately(now Time) bool {
	return a.refused.left != 0 && now < a.refused.left+flapMemory
}

// cantSteer says why this active can't, or "".
func (m *Machine) cantSteer(now Time) string {
	a := &m.azure
	switch {
	case !m.steered.imdsRead || m.steered.imds || !m.peerSteers() || slip.Is(slip.CantSteerStays):
	case !a.ok && now >= a.since+steerPatience:
		return "the floating IP is elsewhere, and Azure can't be asked: " + a.problem
	case a.refusing() && !a.gaveLately(now):
		return "the floating IP is elsewhere, and Azure refuses to change that: " + a.refused.why
	}
	return ""
}

// peerSteers: the peer reaches Azure, as it says here or at the witness.
func (m *Machine) peerSteers() bool {
	if m.peer.here() {
		return m.peer.msg.AzureOK
	}
	return m.takerAtWitness() && m.witness.other.AzureOK
}
