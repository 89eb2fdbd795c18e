package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// R1: a promise outlives the term that it was given in. What the peer was told
// keeps its gate open for as long, whoever has the next term (the model's break
// PROMISE_FORGOTTEN).
func TestPromiseOutlivesTheTermR1(t *testing.T) {
	granted := site.Claim{Term: 4, Holder: site.Primary, Boot: peerBoot}
	r := newRig(t, site.Secondary, State{Granted: granted})
	asks := keepalive.Message{Role: site.Active, Leased: true, Granted: granted, Ask: keepalive.Ask{Term: 4, SentAt: 1, Lease: 2 * time.Second}}
	r.pass(LeaseMax+time.Second, &asks)
	promised := r.m.prom
	next := site.Claim{Term: 5, Holder: site.Secondary, Boot: site.BootID{8}} // of a former boot
	r.step(Register{SentAt: r.now, Claim: next, Settled: true})
	if r.m.state.Granted != next || r.m.prom != promised || promised <= r.now {
		t.Fatalf("in term %d promised until %v, was until %v, it is %v", r.m.state.Granted.Term, r.m.prom, promised, r.now)
	}
	r.step(Tick{})
	r.role(site.Standby)
}

// R11, B9: an active that stood still, and reads that its peer has claimed
// meanwhile, knows that the peer lives, though it hasn't noticed any silence yet
// (the model's break DEPOSED_ALONE). It waits until it hears the peer.
func TestDeposedAfterAPauseWaitsR11(t *testing.T) {
	r := newActive(t)
	r.now += 5 * time.Second
	r.step(Tick{})
	r.role(site.Suspended)
	claim := site.Claim{Term: 2, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	r.step(Register{SentAt: r.now, Claim: claim, Settled: true})
	r.role(site.Standby)
	r.pass(time.Minute, nil)
	r.role(site.Standby)
	r.pass(time.Second, &keepalive.Message{Role: site.Active, Leased: true, Granted: claim})
	r.pass(3*time.Second, nil) // a fresh silence of one that was heard as active
	r.role(site.Claiming)
}

// R11: who was deposed in a silence and restarts doesn't know how long ago that was,
// so it waits ten minutes anew, however long its machine has been up.
func TestDeposedInAFormerLifeWaitsR11(t *testing.T) {
	claim := site.Claim{Term: 2, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	r := newRig(t, site.Primary, State{Granted: claim, Deposed: true})
	r.pass(deposedWait-time.Second, nil)
	r.role(site.Standby)
	r.pass(2*time.Second, nil)
	r.role(site.Claiming)
}

// R11: another claim of a peer that hasn't been heard since doesn't end the wait, not
// even if it is read before the silence can be told from a start.
func TestDeposedAndClaimedAgainWaitsR11(t *testing.T) {
	claim := site.Claim{Term: 2, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	r := newRig(t, site.Primary, State{Granted: claim, Deposed: true})
	claim.Term, claim.Boot = 3, site.BootID{8} // its machine has started anew too
	r.step(Register{SentAt: r.now, Claim: claim, Settled: true})
	r.pass(time.Minute, nil)
	r.role(site.Standby)
	r.pass(deposedWait, nil)
	r.role(site.Claiming)
}

// R11: the claim that follows one's own yielding shows no life after it: the
// taker may have died since (ha-schedules.md 19).
func TestYieldedIsNotDeposed(t *testing.T) {
	r := newActive(t)
	standby := keepalive.Message{Role: site.Standby, Granted: r.m.state.Granted}
	r.step(Fitness{Fit: false, Reason: keepalive.WANDown})
	ready := standby
	ready.Ready = r.m.state.Granted.Term
	r.pass(100*ms, &ready)
	r.role(site.Standby)
	r.step(Fitness{Fit: true})
	r.pass(500*ms, nil) // the taker falls silent after its claim
	r.step(Register{SentAt: r.now, Claim: site.Claim{Term: 2, Holder: site.Secondary, Boot: peerBoot, Generation: 1}, Settled: true})
	r.pass(5*time.Second, nil)
	r.role(site.Claiming)
}

// Two holders of one term: the register decides (a person has put an old one
// back, and the peer has lost its state).
func TestTheRegisterDecidesAFork(t *testing.T) {
	r := newActive(t)
	other := site.Claim{Term: r.m.state.Granted.Term, Holder: site.Secondary, Boot: site.BootID{7}}
	r.hear(keepalive.Message{Role: site.Active, Granted: other})
	if !r.m.serving() {
		t.Fatal("the peer's word decides")
	}
	r.step(Register{SentAt: r.now, Claim: other, Settled: true})
	r.role(site.Standby)
}
