package sim

import (
	"releve.dev/releve/site"
)

// restCheck is P5, P9 and liveness (ha.md section 5, 7 to 9): after the healing
// somebody serves within the bound, and in the end all is at rest: one active,
// the primary where it may be, the floating IP on its NIC alone, both ready.
type restCheck struct {
	indifferent
	w *World
}

func (r *restCheck) writes(*node, site.Side, *nic, *nic) { r.w.changed = r.w.now }

func (r *restCheck) delivers(_, _ site.Side) { r.w.changed = r.w.now }

func (r *restCheck) ended() {
	w := r.w
	active := w.nodes[site.Primary]
	if w.nodes[site.Secondary].role == site.Active {
		active = w.nodes[site.Secondary]
	}
	other := w.nodes[active.side.Peer()]
	b := bounds(w.sched)
	fail := func(format string, args ...any) { w.fail("at rest", format, args...) }
	switch nics := w.azure.nics; {
	case active.role != site.Active || other.role != site.Standby:
		fail("the %s is %s, the %s is %s", active.side, active.role, other.side, other.role)
	case w.azure.owner != active.side:
		fail("the %s is active, but Azure brings the floating IP to: %s", active.side, w.azure.owner)
	case active.serve <= active.local():
		fail("the %s's gate is shut", active.side)
	case active.pop != other.pop:
		fail("the %s uses PoP %d, the %s %d", active.side, active.pop+1, other.side, other.pop+1)
	case w.pops != nil && w.pops[active.pop].record == nil:
		fail("the witness has no record")
	case w.pops != nil && (w.pops[active.pop].to != active.side || w.pops[active.pop].record.Claim != active.granted):
		p := w.pops[active.pop]
		fail("the witness has %s, and sends to the %s; the %s is active with %s", p.record.Claim, p.to, active.side, active.granted)
	case !active.guest || other.guest:
		fail("the floating IP is in the wrong guest")
	case !nics[active.side].fip || nics[other.side].fip:
		fail("the floating IP is on the wrong NIC")
	case nics[active.side].claim != active.granted || nics[other.side].claim != active.granted:
		fail("claims are %s and %s, want %s", nics[active.side].claim, nics[other.side].claim, active.granted)
	case w.sched.Settings.Preempt && active.side != site.Primary && w.sched.Settings.Heal >= b.Failback:
		fail("the secondary still serves %v after the healing", w.sched.Settings.Heal)
	}
	if d := w.out.lasts(w.now); d > 0 {
		fail("nothing has been forwarded for %v", d)
	}
	if w.sched.Settings.Heal >= b.Failback && w.changed > w.sched.Settings.Safety+b.Failback {
		fail("Azure was still changed %v after the healing", w.changed-w.sched.Settings.Safety)
	}
	for _, n := range w.nodes[1:] {
		if n.driver == nil {
			continue
		}
		if status := n.driver.Status(n.local()); !status.HA.Ready {
			fail("the %s is not ready: %s", n.side, status.Summary)
		}
	}
}
