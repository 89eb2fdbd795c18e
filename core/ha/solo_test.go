package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// newFormerSolo was Master by itself, knows no term, and nothing has answered yet.
func newFormerSolo(t *testing.T, side site.Side) *rig {
	cfg := testConfig(side)
	cfg.FromSolo = true
	r := &rig{t: t, now: time.Hour}
	r.m = New(cfg, site.BootID{1}, 77, nil, r.now)
	r.did = append(r.did[:0], r.m.Start(r.now)...)
	if serve, _ := has[Serve](r); serve.Until != r.now+soloHold {
		t.Fatalf("starts with %+v", serve)
	}
	if down, _ := has[Down](r); !down.Open {
		t.Fatal("shuts the way to the LAN")
	}
	r.step(Fitness{Fit: true})
	return r
}

// forwards lets time pass and reports whether the gate was open all the while.
func (r *rig) forwards(d time.Duration, hear *keepalive.Message) bool {
	for end := r.now + d; r.now < end; {
		r.pass(10*ms, hear)
		if r.m.gate.serve <= r.now || !r.m.gate.down {
			return false
		}
	}
	return true
}

// E2: the first HA settings reach a site that works. Its gate stays open until the
// pair has an active, however long that takes; then it goes by the lease.
func TestSoloServesOnUntilItIsActive(t *testing.T) {
	r := newFormerSolo(t, site.Primary)
	if !r.forwards(time.Minute, nil) { // Azure doesn't answer: no role yet, say
		t.Fatal("stops while Azure isn't reached")
	}
	r.step(AzureReach{OK: true})
	r.step(Register{SentAt: r.now, Settled: true})
	standby := &keepalive.Message{Role: site.Standby}
	if !r.forwards(time.Second, standby) {
		t.Fatal("stops before its claim")
	}
	r.role(site.Claiming)
	claim := r.m.goal.Claim
	r.step(ClaimSent{})
	if !r.forwards(20*time.Second, standby) { // Azure is slow
		t.Fatal("stops while it claims")
	}
	r.step(Won{SentAt: r.now, Claim: claim})
	r.role(site.Active)
	if !r.m.solo || r.m.gate.serve <= r.now {
		t.Fatal("stops when it is granted the term")
	}
	r.step(Steered{Mine: true})
	if r.m.solo || r.m.gate.serve <= r.now {
		t.Fatalf("solo %v, serves until %s", r.m.solo, r.m.gate.serve-r.now)
	}
	answers := keepalive.Message{Role: site.Standby, Granted: claim}
	for range 100 {
		r.now += 10 * ms
		answers.Answer = keepalive.Answer{Term: 1, SentAt: r.now}
		r.hear(answers)
		if r.m.gate.serve <= r.now || r.m.gate.serve > r.now+r.m.cfg.Lease {
			t.Fatalf("not by the lease: %s", r.m.gate.serve-r.now)
		}
	}
}

// It ends at once when the peer is granted a term, told by the peer or by the third.
func TestSoloEndsWithThePeersTerm(t *testing.T) {
	theirs := site.Claim{Term: 1, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	for how, tell := range map[string]func(r *rig){
		"peer":     func(r *rig) { r.hear(keepalive.Message{Role: site.Active, Leased: true, Granted: theirs}) },
		"register": func(r *rig) { r.step(Register{SentAt: r.now, Claim: theirs, Settled: true}) },
	} {
		r := newFormerSolo(t, site.Primary)
		r.forwards(time.Second, nil)
		tell(r)
		if serve, ok := has[Serve](r); !ok || serve.Until > r.now || r.m.solo {
			t.Errorf("%s: goes on", how)
		}
	}
}

// A stop, and a lease that runs out in its own term, end it too.
func TestSoloEnds(t *testing.T) {
	r := newFormerSolo(t, site.Primary)
	r.step(Stop{})
	if serve, ok := has[Serve](r); !ok || serve.Until > r.now || r.m.gate.down {
		t.Error("a stopped one forwards")
	}
	r = newFormerSolo(t, site.Primary)
	r.step(AzureReach{OK: true})
	r.step(Register{SentAt: r.now, Settled: true})
	r.pass(LeaseMax+2*time.Second, nil)
	r.step(Won{SentAt: r.now, Claim: r.m.goal.Claim})
	if !r.forwards(registerHold-100*ms, nil) {
		t.Error("stops within its lease")
	}
	if r.pass(200*ms, nil); r.m.gate.serve > r.now || r.m.role != site.Suspended {
		t.Errorf("forwards beyond its lease, %s", r.m.role)
	}
}

// One that isn't fit yet, as at the start of its life, drains nothing when its time as
// Master by itself ends. A later drain then ends like any other: with the floating IP.
func TestSoloThatEndsUnfitHasNoDrain(t *testing.T) {
	theirs := site.Claim{Term: 1, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	r := newFormerSolo(t, site.Primary)
	r.step(Fitness{Reason: keepalive.Starting})
	r.step(AzureReach{OK: true})
	r.step(Register{SentAt: r.now, Claim: theirs, Settled: true})
	if r.m.solo || r.m.gate.drain > r.now {
		t.Fatalf("solo %v, drains for %s", r.m.solo, r.m.gate.drain-r.now)
	}
	r.step(Fitness{Fit: true})
	r.pass(LeaseMax+time.Second, &keepalive.Message{Role: site.Standby, Granted: theirs})
	r.role(site.Claiming)
	claim := r.m.goal.Claim
	r.step(ClaimSent{})
	r.step(Won{SentAt: r.now, Claim: claim})
	r.step(Steered{Mine: true})
	r.step(Metadata{SentAt: r.now, Mine: true})
	r.role(site.Active)
	theirs.Term = claim.Term + 1
	r.hear(keepalive.Message{Role: site.Active, Leased: true, Granted: theirs})
	if r.m.gate.drain != r.now+DrainMax {
		t.Fatalf("drains for %s", r.m.gate.drain-r.now)
	}
	r.step(Metadata{SentAt: r.now, Mine: false})
	if r.m.gate.drain != r.now+drainQuiet {
		t.Errorf("the floating IP has left, and it drains for %s", r.m.gate.drain-r.now)
	}
}

// What one drains that was Master by itself comes by its own address: no takeover leads it
// away, so a stop doesn't wait for that.
func TestAStopDoesNotWaitForWhatNobodyTakesAway(t *testing.T) {
	theirs := site.Claim{Term: 1, Holder: site.Secondary, Boot: peerBoot, Generation: 1}
	r := newFormerSolo(t, site.Primary)
	active := keepalive.Message{Role: site.Active, Leased: true, Granted: theirs}
	r.pass(100*ms, &active)
	if r.m.gate.drain <= r.now || !r.m.peer.here() {
		t.Fatalf("drains for %s, the peer is here: %v", r.m.gate.drain-r.now, r.m.peer.here())
	}
	r.step(Stop{})
	r.pass(100*ms, &active)
	if !r.m.stopped.done {
		t.Error("waits")
	}
}
