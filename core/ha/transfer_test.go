package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// standby is what the holder's peer says at rest.
func (a *asker) standby() keepalive.Message {
	return keepalive.Message{Role: site.Standby, Granted: a.m.state.Granted}
}

// R8.1 and R8.2: the giver asks the peer to get ready, then gives the term to it by
// the witness's hand, and serves until it hears of the next.
func TestGivesByTheWitnessR8(t *testing.T) {
	a := newHolder(t)
	idle := a.standby()
	a.pass(time.Second, &idle)
	a.step(Fitness{Fit: false, Reason: keepalive.LANDown})
	a.pass(200*ms, &idle)
	if a.m.hand.prepare != 5 || a.asked.Transfer != 0 {
		t.Fatalf("prepares %d, transfers %d", a.m.hand.prepare, a.asked.Transfer)
	}
	a.mute = true
	ready := idle
	ready.Ready, ready.Answer = 5, keepalive.Answer{Term: 5, SentAt: a.now}
	a.hear(ready)
	if a.asked.Transfer != 5 {
		t.Fatalf("asks %+v", a.asked)
	}
	a.role(site.Active)
	a.told.Record = site.Claim{Term: 6, Holder: site.Secondary, Boot: peerBoot}
	a.reply(nil)
	a.role(site.Standby)
	if serve, ok := has[Serve](a.rig); !ok || serve.Until != 0 {
		t.Errorf("serves until %v (%v)", serve.Until, ok)
	}
	a.step(Tick{})
	if sent, ok := has[Send](a.rig); !ok || sent.Yielded != 5 || a.m.hand.yielded != 5 {
		t.Errorf("says nothing of having yielded: %+v (%v)", sent, ok)
	}
	if a.pass(60*ms, nil); a.asked.Yielded != 5 {
		t.Errorf("nor to the witness: %+v", a.asked)
	}
}

// R8: a giver that doesn't reach the witness yields first, to a peer that does.
func TestYieldsWithoutTheWitnessR8(t *testing.T) {
	a := newHolder(t)
	idle := a.standby()
	a.mute = true
	a.pass(1300*ms, &idle)
	if a.m.hand.prepare != 5 {
		t.Fatalf("prepares %d", a.m.hand.prepare)
	}
	ready := idle
	ready.Ready = 5
	a.hear(ready)
	a.role(site.Standby)
	if a.m.hand.yielded != 5 || a.m.gate.drain <= a.now {
		t.Errorf("yielded %d, drains until %v", a.m.hand.yielded, a.m.gate.drain)
	}
}

// R8: neither reaches the witness: nothing, on this PoP. The peer's answers keep the
// active going.
func TestBothOutOfReachR8(t *testing.T) {
	a := newHolder(t)
	a.mute = true
	for range 100 {
		a.pass(50*ms, nil)
		idle := a.standby()
		idle.Answer = keepalive.Answer{Term: 5, SentAt: a.now}
		idle.Ready = 5 // from when it still had reached it
		a.seq++
		idle.From, idle.Boot, idle.Third, idle.Seq, idle.Sent = site.Secondary, peerBoot, keepalive.Witness, a.seq, a.now
		idle.Version, idle.Fit, idle.AzureOK = site.Release, true, true
		idle.Echo[keepalive.LAN] = keepalive.Echo{Boot: site.BootID{1}, Seq: 1}
		a.step(Heard{&idle})
	}
	a.role(site.Active)
}

// R8.1: who is asked to take over says Ready only once it has heard the witness
// since. A standby says hello to it once a second; else it would promise what it
// can't do when the witness has gone meanwhile, and nobody would serve.
func TestReadyNeedsTheWitnessNowR8(t *testing.T) {
	a := newWatcher(t)
	a.mute = true
	for heard := a.asked.Seq; a.asked.Seq == heard; {
		a.pass(10*ms, &serves)
	}
	earlier := a.asked // from before the peer asks
	asks := serves
	asks.Prepare = 4
	for range 3 {
		a.pass(100*ms, &asks)
		a.step(Prepared{})
		a.step(Tick{})
	}
	if !a.m.thirdOK() {
		t.Fatal("knows already that the witness is gone")
	}
	if a.m.readyFor(a.now) != 0 {
		t.Fatal("says Ready, and can't reach the witness")
	}
	late := a.asked
	a.asked = earlier
	a.reply(nil)
	if a.m.readyFor(a.now) != 0 {
		t.Fatal("says Ready for what it heard before")
	}
	a.asked = late
	a.reply(nil)
	if a.m.readyFor(a.now) != 4 {
		t.Fatal("isn't ready")
	}
}

// R8: the peer isn't heard here; the witness says whether it could take over.
func TestGivesToAPeerThatTheWitnessHears(t *testing.T) {
	taker := wire.View{Boot: peerBoot, Seq: 9, Age: time.Second, Term: 5, Role: site.Standby, Fit: true, Version: site.Release}
	for name, c := range map[string]struct {
		spoil func(v *wire.View)
		want  site.Term
	}{
		"it could":             {func(*wire.View) {}, 5},
		"never heard":          {func(v *wire.View) { *v = wire.View{} }, 0},
		"not for long":         {func(v *wire.View) { v.Age = 2 * time.Second }, 0},
		"not fit":              {func(v *wire.View) { v.Fit = false }, 0},
		"mute":                 {func(v *wire.View) { v.Role = site.Mute }, 0},
		"doesn't know of term": {func(v *wire.View) { v.Term = 4 }, 0},
		"too old":              {func(v *wire.View) { v.Version = site.Version{Major: 1} }, 0},
	} {
		a := newHolder(t)
		a.told.Other = taker
		c.spoil(&a.told.Other)
		a.told.Answer = 5
		a.pass(time.Second, nil)
		a.step(Fitness{Fit: false, Reason: keepalive.LANDown})
		a.pass(60*ms, nil)
		if a.asked.Transfer != c.want || a.m.role != site.Active {
			t.Errorf("%s: the %s gives term %d", name, a.m.role, a.asked.Transfer)
		}
	}
}

// R13, ha-schedules.md 16: the primary's wish for its role, said before the
// keepalives were cut, is none while they are.
func TestNoFailbackWithoutKeepalivesR13(t *testing.T) {
	a := newAsker(t, site.Secondary, site.Claim{Term: 4, Holder: site.Secondary, Boot: site.BootID{8}})
	a.pass(LeaseMax+200*ms, &keepalive.Message{Role: site.Standby, Granted: a.m.state.Granted})
	a.grant()
	a.told.Answer = 5
	a.step(Steered{Mine: true, Done: true})
	a.m.failback.taken = []Time{a.now, a.now} // two takeovers: it waits longer than the primary
	wants := a.standby()
	wants.Wants = true
	a.pass(5*time.Second, &wants)
	a.told.Other = wire.View{Boot: peerBoot, Seq: 9, Age: 500 * ms, Term: 5, Role: site.Standby, Fit: true, Version: site.Release}
	a.pass(time.Minute, nil)
	if a.m.role != site.Active || a.m.hand.transfer != 0 {
		t.Fatalf("%s, hands over term %d", a.m.role, a.m.hand.transfer)
	}
	a.pass(5*time.Second, &wants)
	if a.m.hand.prepare == 0 {
		t.Error("nor when they are back")
	}
}

// newElect is a standby to which the term after theirs was handed over at now.
func newElect(t *testing.T) *asker {
	a := newWatcher(t)
	a.mute = true
	a.told.Record = a.own(5)
	a.reply(nil)
	a.role(site.Elect)
	return a
}

// opened: the gate was opened in the last step.
func (a *asker) opened() bool {
	serve, ok := has[Serve](a.rig)
	return ok && serve.Until > a.now
}

// R8.4: the taker opens when the giver has yielded the term before, here or at the
// witness; a former boot's word, or one on another term, is none.
func TestElectOpensAtYieldedR8(t *testing.T) {
	yields := keepalive.Message{Role: site.Standby, Granted: theirs, Yielded: 4}
	a := newElect(t)
	if a.opened() {
		t.Fatal("opens at the grant")
	}
	other := yields
	other.Yielded = 3
	a.hear(other)
	a.role(site.Elect)
	a.reply(func(r *wire.Reply) { r.Answer, r.Other = 5, wire.View{Boot: site.BootID{6}, Seq: 4, Yielded: 4} })
	a.role(site.Elect)
	if a.opened() {
		t.Fatal("opens for another boot's word")
	}
	next := other // the giver has restarted, and says what its former self knew
	next.Yielded, next.From, next.Boot, next.Third, next.Seq, next.Version = 4, site.Primary, site.BootID{6}, keepalive.Witness, 1, site.Release
	next.HelloNonce = a.m.nonce
	was := *a.m
	a.step(Heard{&next})
	if a.m.peer.boot != next.Boot || a.opened() {
		t.Fatalf("boot %s is heard, and the gate opened: %v", a.m.peer.boot, a.opened())
	}
	*a.m = was
	a.hear(yields)
	a.role(site.Active)
	if !a.opened() {
		t.Error("isn't open with the witness's answer in hand")
	}

	a = newElect(t)
	a.reply(func(r *wire.Reply) { r.Answer, r.Other = 5, wire.View{Boot: peerBoot, Seq: 4, Yielded: 4} })
	a.role(site.Active)
}

// R8.4: without a word it opens after a full lease since the grant, and no earlier
// than its own promise is over.
func TestElectOpensAfterALeaseR8(t *testing.T) {
	a := newElect(t)
	granted := a.now
	a.pass(199*ms, nil)
	a.role(site.Elect)
	a.reply(func(r *wire.Reply) { r.Answer = 5 })
	a.pass(ms, nil)
	if a.m.role != site.Active || a.now != granted+200*ms {
		t.Errorf("%s after %v", a.m.role, a.now-granted)
	}

	a = newWatcher(t)
	a.mute = true
	asks := serves
	asks.Ask = keepalive.Ask{Term: 4, SentAt: 1, Lease: 2 * time.Second}
	a.hear(asks)
	promised := a.now + 2*time.Second
	a.told.Record = a.own(5)
	a.reply(nil)
	a.told.Answer = 5
	a.mute = false
	a.pass(1999*ms, nil)
	a.role(site.Elect)
	a.pass(2*ms, nil)
	if a.m.role != site.Active {
		t.Errorf("%s %v after the promise", a.m.role, a.now-promised)
	}
}

// R8.4: that the giver yielded an earlier term, which it has taken back since, says
// nothing of the term before the taker's.
func TestElectKnowsWhichTermWasYielded(t *testing.T) {
	a := newWatcher(t)
	yields := keepalive.Message{Role: site.Standby, Granted: theirs, Yielded: 4}
	a.hear(yields)
	a.mute = true
	a.told.Record = a.own(6) // 5 was the peer's, and it gives that
	a.reply(nil)
	if a.m.role != site.Elect || a.opened() {
		t.Fatalf("%s, opened %v: the peer may serve term 5", a.m.role, a.opened())
	}
}
