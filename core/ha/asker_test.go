package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// asker is a rig whose third is a witness, which the test plays.
type asker struct {
	*rig
	asked wire.Question // the last
	told  wire.Reply    // and what was said to it
	mute  bool          // it says nothing to questions of its own accord
}

var run = uint64(500)

// newAsker is a fit vSocket that knows the term of a record and hears the witness,
// which says that record to each question.
func newAsker(t *testing.T, side site.Side, record site.Claim) *asker {
	cfg := testConfig(side)
	cfg.Third, cfg.WitnessID = keepalive.Witness, 7
	r := &rig{t: t, now: time.Hour}
	a := &asker{rig: r, told: wire.Reply{Run: run, Record: record, Nonce: 3}}
	r.m = New(cfg, site.BootID{1}, 77, &State{Granted: record}, r.now)
	r.m.Start(r.now)
	a.step(Fitness{Fit: true})
	a.step(AzureReach{OK: true})
	return a
}

// step takes an event; a question is answered by what the witness has said last.
func (a *asker) step(event Event) {
	a.rig.step(event)
	q, ok := has[Question](a.rig)
	if !ok {
		return
	}
	a.asked = *q.Question
	if !a.mute {
		a.reply(nil)
	}
}

// reply says something to the last question.
func (a *asker) reply(change func(r *wire.Reply)) {
	r := &a.told
	r.Site, r.To, r.Boot, r.Heard, r.Sent, r.Seq = 7, a.m.cfg.Side, a.m.boot, a.asked.Seq, a.asked.Sent, r.Seq+1
	said := *r
	if change != nil {
		change(&said)
	}
	a.say(said)
}

// say gives the machine a reply as it is.
func (a *asker) say(r wire.Reply) {
	a.rig.step(Told{&r})
	if q, ok := has[Question](a.rig); ok {
		a.asked = *q.Question
	}
}

// pass lets time pass tick by tick, hearing the peer with each if it lives.
func (a *asker) pass(d time.Duration, peer *keepalive.Message) {
	for end := a.now + d; a.now < end; {
		a.now = min(end, max(a.now+ms, a.m.Next()))
		if peer != nil {
			a.hear(*peer)
		}
		a.step(Tick{})
	}
}

// hear is the rig's, of a peer that has the same third.
func (a *asker) hear(msg keepalive.Message) {
	a.seq++
	msg.From, msg.Boot, msg.Third, msg.Seq, msg.Sent = a.m.cfg.Side.Peer(), peerBoot, keepalive.Witness, a.seq, a.now
	msg.EchoNonce, msg.Version, msg.Fit, msg.ThirdOK, msg.AzureOK = 77, site.Release, true, true, true
	msg.Holds = max(msg.Holds, 1)
	msg.Echo[keepalive.LAN] = keepalive.Echo{Boot: site.BootID{1}, Seq: 1}
	a.step(Heard{&msg})
}

var (
	theirs = site.Claim{Term: 4, Holder: site.Primary, Boot: peerBoot, Generation: 1}
	serves = keepalive.Message{Role: site.Active, Leased: true, Granted: theirs}
)

// newWatcher is a standby secondary that has heard its peer serve term 4.
func newWatcher(t *testing.T) *asker {
	a := newAsker(t, site.Secondary, theirs)
	a.pass(LeaseMax+time.Second, &serves)
	a.role(site.Standby)
	return a
}

// newHolder is a primary that has just been granted term 5 and has a lease.
func newHolder(t *testing.T) *asker {
	a := newHolderToBe(t)
	a.grant()
	a.role(site.Active)
	return a
}

// newHolderToBe claims term 5.
func newHolderToBe(t *testing.T) *asker {
	a := newAsker(t, site.Primary, site.Claim{Term: 4, Holder: site.Primary, Boot: site.BootID{8}})
	a.pass(LeaseMax+200*ms, &keepalive.Message{Role: site.Standby, Granted: a.m.state.Granted})
	a.role(site.Claiming)
	return a
}

// own is the record of a term that is this boot's.
func (a *asker) own(term site.Term) site.Claim {
	return site.Claim{Term: term, Holder: a.m.cfg.Side, Boot: a.m.boot, Generation: 1}
}

// grant grants the claim of the last question.
func (a *asker) grant() {
	a.t.Helper()
	if a.asked.Claim.Nonce == 0 {
		a.t.Fatal("nothing is claimed")
	}
	a.told.Record, a.told.Grant = a.own(a.asked.Claim.From+1), a.asked.Claim.Nonce
	a.reply(func(r *wire.Reply) { r.Answer = r.Record.Term })
}

// R6, R7: a grant opens the gate for La from when the claim was sent.
func TestGrantCountsFromTheClaimR6(t *testing.T) {
	a := newWatcher(t)
	a.told.Other = wire.View{} // the witness has never heard the peer
	a.pass(time.Second, nil)
	a.role(site.Claiming)
	if q := a.asked; q.Claim.From != 4 || q.Claim.Lease != 200*ms || q.Ask.Lease != 0 || q.Granted.Term != 4 {
		t.Fatalf("asks %+v", q)
	}
	a.mute = true
	claimed := a.asked.Sent
	a.now += 60 * ms
	a.grant()
	if serve, ok := has[Serve](a.rig); !ok || serve.Until != claimed+180*ms || a.m.role != site.Active {
		t.Fatalf("%s, serves until %v after the claim (%v)", a.m.role, serve.Until-claimed, ok)
	}
	if save, ok := has[Save](a.rig); !ok || save.State.Granted.Term != 5 {
		t.Error("the term isn't kept")
	}
}

// R6: a grant that comes after its lease, or again without a promise for this
// question, makes suspended.
func TestLateGrantServesNothingR6(t *testing.T) {
	a := newWatcher(t)
	a.pass(time.Second, nil)
	a.mute = true
	a.now += 190 * ms // less than a pause
	a.grant()
	a.role(site.Suspended)
	if a.asked.Ask != (wire.Ask{Term: 5, Lease: 200 * ms}) {
		t.Errorf("asks %+v", a.asked)
	}
}

// R6: a grant for another nonce than the present claim's teaches the term; it opens
// only as a handover does.
func TestGrantOfADroppedClaimR6(t *testing.T) {
	a := newWatcher(t)
	a.mute = true
	a.pass(time.Second, nil)
	a.reply(nil) // the witness has been asked, and doesn't hear the peer
	a.role(site.Claiming)
	dropped := a.asked.Claim.Nonce
	a.pass(20*ms, &serves) // the peer is back
	a.role(site.Standby)
	asks := serves
	asks.Ask = keepalive.Ask{Term: 4, SentAt: 1, Lease: 200 * ms}
	a.hear(asks)
	promised := a.now + 200*ms
	a.now += ms
	a.told.Record, a.told.Grant = a.own(5), dropped
	a.reply(nil)
	a.role(site.Elect)
	for a.now < max(promised, a.m.elect.at+200*ms) {
		if _, ok := has[Serve](a.rig); ok || a.m.role != site.Elect {
			t.Fatalf("%s %v before the promise to the peer is over", a.m.role, promised-a.now)
		}
		a.now += ms
		a.step(Tick{})
		a.reply(func(r *wire.Reply) { r.Answer = 5 })
	}
	a.role(site.Active)
}

// R6a: the peer is silent here, and alive and fit at the witness: nothing, however
// long. Not fit there, or silent there too: a claim.
func TestSilentHereR6(t *testing.T) {
	alive := wire.View{Boot: peerBoot, Seq: 9, Age: 30 * ms, Term: 4, Role: site.Active, Fit: true, Leased: true}
	a := newWatcher(t)
	a.told.Other = alive
	a.pass(10*time.Minute, nil)
	a.role(site.Standby)
	for name, change := range map[string]func(v *wire.View){
		"silent":      func(v *wire.View) { v.Age = 200 * ms },
		"not fit":     func(v *wire.View) { v.Fit = false },
		"never heard": func(v *wire.View) { *v = wire.View{} },
	} {
		a := newWatcher(t)
		a.told.Other = alive
		a.pass(time.Second, nil)
		change(&a.told.Other)
		a.pass(time.Second, nil)
		if a.m.role != site.Claiming {
			t.Errorf("%s at the witness: %s", name, a.m.role)
		}
	}
}

// R6a: what the witness said before the silence is no word on it.
func TestOldViewCountsNothingR6(t *testing.T) {
	a := newWatcher(t)
	a.told.Other = wire.View{Boot: peerBoot, Seq: 9, Age: time.Second, Term: 4, Role: site.Active, Fit: true}
	a.pass(2*time.Second, &serves) // the witness doesn't hear the peer; we do
	a.mute = true
	a.pass(900*ms, nil)
	a.role(site.Standby)
	a.reply(nil)
	a.role(site.Claiming)
}

// R6b by the witness: the peer is silent here, alive there, and says that it isn't
// active: the last holder goes at once, the secondary leaves the primary time.
func TestNobodyActiveAtTheWitnessR6(t *testing.T) {
	for side, least := range map[site.Side]time.Duration{site.Primary: 200 * ms, site.Secondary: LeaseMax + 400*ms} {
		a := newAsker(t, side, site.Claim{Term: 4, Holder: side.Peer(), Boot: site.BootID{8}})
		a.told.Other = wire.View{Boot: peerBoot, Seq: 9, Term: 4, Role: site.Standby, Fit: true}
		a.pass(LeaseMax+least-10*ms, nil)
		if a.m.role != site.Standby {
			t.Errorf("the %s is %s early", side, a.m.role)
		}
		a.pass(50*ms, nil)
		if a.m.role != site.Claiming {
			t.Errorf("the %s is %s", side, a.m.role)
		}
	}
}

// R6c: what the peer's present boot has yielded is claimed at once, and the claim
// says so; it may have been said here or to the witness.
func TestYieldedIsClaimedR6(t *testing.T) {
	yielded := wire.View{Boot: peerBoot, Seq: 9, Term: 4, Role: site.Standby, Fit: true, Yielded: 4}
	a := newWatcher(t)
	a.told.Other = yielded
	a.told.Other.Boot = site.BootID{6}
	a.pass(2*time.Second, &serves)
	a.role(site.Standby)
	a.told.Other = yielded
	a.pass(time.Second, &serves)
	if a.m.role != site.Claiming || !a.asked.Claim.Yielded {
		t.Fatalf("said to the witness: %s, asks %+v", a.m.role, a.asked)
	}
	a = newWatcher(t)
	a.hear(keepalive.Message{Role: site.Standby, Granted: theirs, Yielded: 4})
	if a.m.role != site.Claiming || !a.asked.Claim.Yielded {
		t.Fatalf("said here: %s, asks %+v", a.m.role, a.asked)
	}
}

// R6: the peer hears of the grant first, and says so, being nearer to the witness. A
// claimant doesn't give up for that what it has just got, only to claim again.
func TestTheGrantIsHeardFromThePeerFirst(t *testing.T) {
	a := newHolderToBe(t)
	claimed := a.asked
	a.hear(keepalive.Message{Role: site.Standby, Granted: a.own(5)})
	a.pass(20*ms, nil)
	a.role(site.Claiming)
	a.asked = claimed
	a.grant()
	a.role(site.Active)
}

// R6: a claimant that doesn't reach the witness any more drops its claim, and may
// answer again.
func TestClaimIsDroppedOutOfReachR6(t *testing.T) {
	a := newWatcher(t)
	a.pass(time.Second, nil)
	a.role(site.Claiming)
	a.mute = true
	a.pass(900*ms, nil)
	a.role(site.Claiming)
	a.pass(200*ms, nil)
	a.role(site.Standby)
}

// R6: no claim while the witness is out of reach, is without a record, or the own
// promise lasts.
func TestClaimWaits(t *testing.T) {
	a := newWatcher(t)
	a.mute = true
	a.pass(2*time.Second, nil)
	a.role(site.Standby)

	a = newWatcher(t)
	a.told.State = wire.Blank
	a.pass(2*time.Second, nil)
	a.role(site.Standby)

	a = newWatcher(t)
	asks := serves
	asks.Ask = keepalive.Ask{Term: 4, SentAt: 1, Lease: 2 * time.Second}
	a.hear(asks)
	a.pass(1990*ms, nil)
	a.role(site.Standby)
	a.pass(20*ms, nil)
	a.role(site.Claiming)
}

// R10, decision 5: who hears of a new life of the witness drops its claim, since
// that one may be without a record.
func TestNewLifeDropsTheClaimR10(t *testing.T) {
	for name, change := range map[string]func(r *wire.Reply){
		"a new life":        func(r *wire.Reply) { r.Run++; r.Seq = 1 },
		"a new, blank life": func(r *wire.Reply) { r.Run++; r.Seq, r.State = 1, wire.Blank },
		"the record lost":   func(r *wire.Reply) { r.State = wire.Blank },
	} {
		a := newWatcher(t)
		a.told.Other = wire.View{}
		a.pass(time.Second, nil)
		a.role(site.Claiming)
		a.mute = true
		dropped := a.m.claim.nonce
		a.step(Tick{})
		a.asked.Seq++ // the reply hears it
		a.m.witness.asked++
		a.reply(change)
		if a.m.role == site.Claiming && a.m.claim.nonce == dropped {
			t.Errorf("%s: still %s", name, a.m.role)
		}
	}
}

// R4, R5: the witness's answer renews the lease from when its question was sent,
// and after a pause only to a question from after it (R2).
func TestWitnessRenewsR5(t *testing.T) {
	a := newHolder(t)
	a.mute = true
	a.pass(60*ms, nil)
	sent := a.asked.Sent
	a.now = sent + 100*ms
	a.reply(func(r *wire.Reply) { r.Answer = 5 })
	if got := a.m.until(a.now); got != sent+180*ms {
		t.Fatalf("serves until %v after the question", got-sent)
	}
	a.now += 500 * ms
	before := a.asked
	a.step(Tick{})
	a.role(site.Suspended)
	after := a.asked
	a.asked = before
	a.reply(func(r *wire.Reply) { r.Answer, r.Sent = 5, a.now-10*ms }) // to a question from before the pause
	a.role(site.Suspended)
	if after.Sent != a.now || after.Ask.Term != 5 {
		t.Errorf("doesn't ask at once after a pause: %+v", after)
	}
	a.asked = after
	a.now += ms
	a.reply(func(r *wire.Reply) { r.Answer = 5 })
	a.role(site.Active)
}
