package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// changed are an asker's settings with other timers.
func changed(a *asker, generation uint64, pace, silent, lease time.Duration) Configure {
	next := a.m.cfg
	next.Generation, next.Keepalive, next.Silent, next.Lease = generation, pace, silent, lease
	return Configure{next}
}

// R14: until the peer holds the new settings too, the timers are the wider of the
// two; then they are the new ones, and a longer lease asks anew.
func TestTimersAreWiderUntilThePeerHasThem(t *testing.T) {
	a := newHolder(t)
	a.step(changed(a, 2, 100*ms, time.Second, time.Second))
	if c := a.m.cfg; c.Keepalive != 50*ms || c.Silent != time.Second || c.Lease != 200*ms || a.m.echoLimit() != time.Second {
		t.Fatalf("longer ones: %+v, echo %s", c, a.m.echoLimit())
	}
	standby := keepalive.Message{Role: site.Standby, Granted: a.m.state.Granted}
	a.told.Record, a.told.Answer = a.own(5), 5
	a.pass(time.Second, &standby)
	a.role(site.Active)
	if a.asked.Ask.Lease != 200*ms || a.m.out.Holds != 2 || a.m.Agreed() {
		t.Fatalf("asks %+v, holds %d", a.asked.Ask, a.m.out.Holds)
	}
	before := a.now
	a.now += ms
	standby.Holds = 2
	a.mute = true
	a.hear(standby)
	if c := a.m.cfg; c.Keepalive != 100*ms || c.Silent != time.Second || c.Lease != time.Second || !a.m.Agreed() {
		t.Fatalf("the peer has them: %+v", c)
	}
	was := a.m.lease.third
	a.reply(func(r *wire.Reply) { r.Answer, r.Sent = 5, before })
	if a.m.lease.third != was {
		t.Errorf("a question for the shorter lease is counted as one for the longer")
	}

	b := newHolder(t)
	b.step(changed(b, 2, 10*ms, 50*ms, 40*ms))
	if c := b.m.cfg; c.Keepalive != 10*ms || c.Silent != 200*ms || c.Lease != 40*ms || b.m.echoLimit() != 200*ms {
		t.Errorf("shorter ones: %+v, echo %s", c, b.m.echoLimit())
	}
	b.step(changed(b, 3, 20*ms, 3*time.Second, 60*ms)) // before the peer has any
	if c := b.m.cfg; c.Keepalive != 10*ms || c.Silent != 3*time.Second || c.Lease != 40*ms || b.m.echoLimit() != 200*ms {
		t.Errorf("a third one on top: %+v, echo %s", c, b.m.echoLimit())
	}
	holds := keepalive.Message{Role: site.Standby, Granted: b.m.state.Granted, Holds: 2}
	b.hear(holds)
	if b.m.Agreed() {
		t.Error("agreed, and the peer has others")
	}
	holds.Holds = 3
	b.hear(holds)
	if c := b.m.cfg; c.Lease != 60*ms || c.Silent != 3*time.Second || c.Keepalive != 20*ms {
		t.Errorf("at last: %+v", c)
	}
}

// R8.4: the giver's lease may be the old one, so the taker waits for the longest
// that there is until both have gone by the same settings for so long.
func TestElectWaitsForTheGiversLease(t *testing.T) {
	elected := func(wait time.Duration, holds uint64) time.Duration {
		a := newWatcher(t)
		a.step(changed(a, 2, 50*ms, 200*ms, 300*ms))
		heard := serves
		heard.Holds = holds
		a.pass(wait, &heard)
		a.mute = true
		a.told.Record = a.own(5)
		a.reply(nil)
		a.role(site.Elect)
		return a.m.electedAt() - a.now
	}
	if got := elected(LeaseMax+100*ms, 2); got != 300*ms {
		t.Errorf("the same for long: waits %s", got)
	}
	if got := elected(LeaseMax-200*ms, 2); got != LeaseMax {
		t.Errorf("the same for a moment: waits %s", got)
	}
	if got := elected(LeaseMax+100*ms, 1); got != LeaseMax {
		t.Errorf("others: waits %s", got)
	}
}

// Hold and preempt are this vSocket's own, and count at once; generations must be
// equal for a failback (R13).
func TestHoldIsTakenAtOnceR13(t *testing.T) {
	a := newAsker(t, site.Primary, site.Claim{Term: 4, Holder: site.Secondary, Boot: peerBoot, Generation: 1})
	active := keepalive.Message{Role: site.Active, Leased: true, Granted: a.m.state.Granted, Steered: true, Wants: false}
	a.pass(8*time.Second, &active)
	next := a.m.cfg
	next.Generation, next.Hold = 2, time.Second
	a.step(Configure{next})
	if note, ok := has[Note](a.rig); !ok || note.What != "settings" || note.Detail != "generation 2" {
		t.Errorf("noted %+v", note)
	}
	a.pass(5*time.Second, &active)
	if a.m.failback.wants {
		t.Error("wants the role, and the peer has other settings")
	}
	active.Holds = 2
	a.pass(900*ms, &active)
	if a.m.failback.wants {
		t.Error("before the hold")
	}
	a.pass(200*ms, &active)
	if !a.m.failback.wants {
		t.Error("after the new hold it doesn't ask")
	}
	next.Generation, next.Preempt = 3, false
	a.step(Configure{next})
	active.Holds = 3
	a.pass(30*time.Second, &active)
	if a.m.failback.wants {
		t.Error("preempt is off")
	}
}
