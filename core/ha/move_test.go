package ha

import (
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// leaving is an active of a site with two PoPs whose witness has fallen silent;
// its peer, which has lost the witness too, still answers.
func leaving(t *testing.T) *asker {
	a := newHolder(t)
	a.m.cfg.PoPs = 2
	a.pass(movePause, &keepalive.Message{Role: site.Standby, Granted: a.m.state.Granted})
	a.mute = true
	return a
}

// without lets the peer be heard, which says that it has no witness.
func (a *asker) without(d time.Duration) {
	for end := a.now + d; a.now < end && a.m.state.PoP == 0; {
		a.now += 10 * ms
		a.seq++
		msg := keepalive.Message{From: a.m.cfg.Side.Peer(), Boot: peerBoot, Third: keepalive.Witness, Seq: a.seq, Sent: a.now, EchoNonce: 77,
			Version: site.Release, Fit: true, AzureOK: true, Role: site.Standby, Granted: a.m.state.Granted,
			Answer: keepalive.Answer{Term: a.m.state.Granted.Term, SentAt: a.now - ms}}
		msg.Echo[keepalive.LAN] = keepalive.Echo{Boot: site.BootID{1}, Seq: 1}
		a.step(Heard{&msg})
		if a.m.state.PoP == 0 {
			a.step(Tick{})
		}
	}
}

// Decision 7: where it is is kept before anything is asked there; the old witness's
// lease is void, and so is whatever it may yet say.
func TestMoveLeavesTheOldWitness(t *testing.T) {
	a := leaving(t)
	old := a.told
	a.m.lease.third = a.now + time.Hour // as long as it might be
	a.without(10 * time.Second)
	if a.m.state.PoP != 1 {
		t.Fatal("still at the first PoP")
	}
	saved, used, asked := -1, -1, -1
	for i, action := range a.did {
		switch action := action.(type) {
		case Save:
			if action.State.PoP == 1 {
				saved = i
			}
		case UsePoP:
			used = i
		case Question:
			asked = i
		}
	}
	if saved < 0 || used < saved || asked < used {
		t.Errorf("kept at %d, moved at %d, asked at %d of %d actions", saved, used, asked, len(a.did))
	}
	if until := a.m.until(a.now); until > a.now+a.m.cfg.Lease {
		t.Errorf("the old witness's lease lasts for another %v", until-a.now)
	}
	for _, run := range []uint64{old.Run, old.Run + 1} {
		late := wire.Reply{Site: 7, To: a.m.cfg.Side, Boot: a.m.boot, Run: run, Seq: old.Seq + 9, Heard: a.asked.Seq - 1,
			Sent: a.now, Record: a.m.state.Granted, Answer: a.m.state.Granted.Term}
		if a.m.Believable(&late) {
			t.Errorf("what the old witness says late, as %d, counts", run)
		}
	}
}

// Decision 7: a standby goes where its active is, and a lone one goes nowhere.
func TestMoveFollowsTheActive(t *testing.T) {
	a := newWatcher(t)
	a.m.cfg.PoPs = 2
	there := serves
	there.PoP = 2
	a.hear(there)
	if a.m.state.PoP != 1 {
		t.Errorf("stays at PoP %d while its active is at the second", a.m.state.PoP+1)
	}
	alone := newHolder(t)
	alone.m.cfg.PoPs = 2
	alone.mute = true
	alone.without(100 * ms) // the last that it says is that it has no witness
	alone.pass(20*time.Second, nil)
	if alone.m.move.at != 0 { // also if it has come back since
		t.Error("moved without its peer")
	}
}

// Decision 7: of two that have lost what they knew, at two PoPs, the secondary goes
// to the primary; both would wait for ever else, each for the other to come.
func TestMuteOnesMeet(t *testing.T) {
	a := newWatcher(t)
	for side, want := range map[site.Side]int{site.Secondary: 1, site.Primary: 0} {
		a.m.cfg.PoPs, a.m.cfg.Side, a.m.role, a.m.state.PoP = 2, side, site.Mute, 0
		a.m.peer.msg.Role, a.m.peer.msg.PoP = site.Mute, 2
		a.m.decideMove(a.now)
		if a.m.state.PoP != want {
			t.Errorf("the mute %s is at PoP %d, want %d", side, a.m.state.PoP+1, want+1)
		}
	}
}

// Decision 7: each stay at a PoP has a name of its own, which is kept and told; who has
// lost its state may have been elsewhere.
func TestVisitsHaveNames(t *testing.T) {
	a := leaving(t)
	if a.asked.Visit != 0 {
		t.Errorf("one that has never moved is in visit %d", a.asked.Visit)
	}
	a.without(10 * time.Second)
	first := a.m.state.Visit
	if a.asked.Visit != first || first == 0 {
		t.Errorf("asks in visit %d, keeps %d", a.asked.Visit, first)
	}
	again := New(a.m.cfg, site.BootID{2}, 1, &a.m.state, 0)
	if again.state.Visit != first {
		t.Errorf("after a restart it is in visit %d, not %d", again.state.Visit, first)
	}
	if a.m.moveTo(a.now, 0, "back"); a.m.state.Visit == first || a.m.state.Visit == 0 {
		t.Errorf("back again, it is in visit %d after %d", a.m.state.Visit, first)
	}
	one, other := New(a.m.cfg, site.BootID{3}, 1, nil, 0), New(a.m.cfg, site.BootID{4}, 1, nil, 0)
	if one.state.Visit == 0 || one.state.Visit == other.state.Visit {
		t.Errorf("two that have lost their state are in visits %d and %d", one.state.Visit, other.state.Visit)
	}
	if alone := New(testConfig(site.Primary), site.BootID{3}, 1, nil, 0); alone.state.Visit != 0 {
		t.Error("where there is one PoP it has a visit")
	}
}
