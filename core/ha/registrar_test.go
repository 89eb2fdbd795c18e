package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// Section 5, 6: what is old, for another, or of a former life of the witness changes
// nothing.
func TestStaleRepliesChangeNothing(t *testing.T) {
	for name, change := range map[string]func(r *wire.Reply){
		"said before":      func(r *wire.Reply) { r.Seq -= 5 },
		"another site":     func(r *wire.Reply) { r.Site++ },
		"the other side":   func(r *wire.Reply) { r.To = r.To.Peer() },
		"a former boot":    func(r *wire.Reply) { r.Boot[0]++ },
		"an old life":      func(r *wire.Reply) { r.Run++; r.Heard-- },
		"an old life, new": func(r *wire.Reply) { r.Run++; r.Seq += 1000 },
	} {
		a := newHolder(t)
		a.mute = true
		a.asked.Seq-- // what it says was said to a question before the last
		a.reply(func(r *wire.Reply) {
			r.Record = site.Claim{Term: 9, Holder: site.Secondary, Boot: peerBoot}
			change(r)
		})
		if a.m.role != site.Active || a.m.state.Granted.Term != 5 || a.m.witness.run != run {
			t.Errorf("%s: %s in term %d, life %d", name, a.m.role, a.m.state.Granted.Term, a.m.witness.run)
		}
	}
}

// Section 5, 6, R10: a life of the witness that has been left for another doesn't
// come back by a reply that was under way for long, though that hears a later
// question than the one by which the new life was met.
func TestAFormerLifeStaysFormer(t *testing.T) {
	a := newWatcher(t)
	a.told.Other = wire.View{}
	a.pass(time.Second, nil)
	a.role(site.Claiming)
	a.mute = true
	a.pass(20*ms, nil)
	first := a.asked
	a.pass(20*ms, nil)
	second := a.asked
	if second.Seq == first.Seq || second.Claim.Nonce != first.Claim.Nonce {
		t.Fatalf("asked %+v, then %+v", first, second)
	}
	former := a.told
	former.Record, former.Grant, former.Answer = a.own(5), second.Claim.Nonce, 5 // granted, and lost with the disk
	former.Heard, former.Sent, former.Seq = second.Seq, second.Sent, former.Seq+1
	a.told.Run, a.told.Seq, a.told.State = run+2, 0, wire.Blank
	a.asked = first // was under way for long itself
	a.reply(nil)
	a.role(site.Standby)
	a.say(former)
	if a.m.role != site.Standby || a.m.state.Granted.Term != 4 || a.m.witness.run != run+2 {
		t.Fatalf("%s in term %d, life %d", a.m.role, a.m.state.Granted.Term, a.m.witness.run)
	}
	a.mute = false
	a.pass(time.Second, nil) // the present one is believed on, and so is its next
	a.told.Run, a.told.Seq = run+4, 0
	a.pass(2*time.Second, nil)
	if a.m.witness.run != run+4 {
		t.Errorf("life %d isn't believed", run+4)
	}
}

// R0: a vSocket without state is mute until the witness has told the term; the
// peer's word doesn't end that, nor a witness that is blank itself.
func TestMuteUntilToldR0(t *testing.T) {
	a := newAsker(t, site.Secondary, theirs)
	a.m = New(a.m.cfg, site.BootID{1}, 77, nil, a.now)
	a.m.Start(a.now)
	a.told.State = wire.Blank
	a.step(Fitness{Fit: true})
	asks := serves
	asks.Ask = keepalive.Ask{Term: 4, SentAt: 1, Lease: 200 * ms}
	a.pass(5*time.Second, &asks)
	a.role(site.Mute)
	if sent, ok := has[Send](a.rig); ok && sent.Answer.Term != 0 {
		t.Error("answers")
	}
	a.told.State = wire.Serving
	a.pass(2*time.Second, &asks)
	a.role(site.Standby)
}

// A verdict on the witness's reach isn't drawn from the own pause (R2): its reply
// waits in the socket.
func TestAPauseIsNotTheWitnessesFault(t *testing.T) {
	a := newHolder(t)
	a.mute = true
	a.pass(60*ms, nil) // a question is under way
	a.now += 5 * time.Second
	a.step(Tick{})
	if note, ok := has[Note](a.rig); !a.m.witness.ok {
		t.Errorf("the witness is blamed for the own pause: %+v (%v)", note, ok)
	}
	a.pass(900*ms, nil)
	if !a.m.witness.ok {
		t.Error("the witness is lost within a second of the pause")
	}
	a.pass(200*ms, nil)
	if a.m.witness.ok {
		t.Error("the witness, silent for more than a second since, isn't lost")
	}
	a.now += 5 * time.Second
	a.step(Tick{})
	if a.m.witness.ok {
		t.Error("a pause of our own brings a lost witness back")
	}
	a.reply(nil)
	if !a.m.witness.ok {
		t.Error("a reply doesn't bring it back")
	}
}
