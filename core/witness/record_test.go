package witness

import (
	"testing"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// R7, ha-schedules.md 3 and 13: after a restart the holder on the disk is answered
// at once, and nothing is granted until a former life's promise must be over.
func TestRestart(t *testing.T) {
	r := newServing(t)
	r.restart()
	if to, ok := has[Route](r); !ok || to.To != site.Primary {
		t.Errorf("traffic goes to %v (%v)", to, ok)
	}
	r.meet()
	if reply := r.renew(site.Primary, 1, nil); reply.Answer != 1 || reply.State != wire.Young {
		t.Errorf("the holder is told %+v", reply)
	}
	r.pass(LeaseMax - 1)
	r.claim(site.Secondary, 1, nil)
	r.still(1)
	r.pass(1)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
}

// A young one may grant what its holder gives away: nobody else has a promise.
func TestAYoungOneGrantsWhatIsGiven(t *testing.T) {
	r := newServing(t)
	r.restart()
	r.meet()
	r.granted(r.claim(site.Secondary, 1, func(q *wire.Question) { q.Claim.Yielded = true }), 2, site.Secondary)
	r.restart()
	r.meet()
	r.granted(r.transfer(), 3, site.Primary)
}

// R7: a claim that was sent to a former life is none (decision 5: whoever hears of
// a new one drops its claim, and may have answered the active since).
func TestAClaimToAFormerLife(t *testing.T) {
	r := newServing(t)
	r.restart()
	r.meet()
	r.pass(LeaseMax)
	r.claim(site.Secondary, 1, func(q *wire.Question) { q.Run++ })
	r.still(1)
}

// R10, decision 5: without a record nobody is answered and nothing granted until
// both have been heard, each of them after it has heard of this life; then it
// begins one term above the highest, with no holder.
func TestLostRecordR10(t *testing.T) {
	r := newRig(t, nil, true)
	if len(r.did) != 1 {
		t.Errorf("lets traffic through without a record: %+v", r.did)
	}
	r.of(site.Primary).q.Granted = site.Claim{Term: 4, Holder: site.Primary, Boot: site.BootID{1}}
	r.of(site.Secondary).q.Granted = site.Claim{Term: 3}
	r.ask(site.Primary, nil)
	r.pass(LeaseMax)
	for _, change := range []func(q *wire.Question){
		func(q *wire.Question) { q.Claim = wire.Claim{From: 4, Nonce: 1, Lease: lease} },
		func(q *wire.Question) { q.Ask = wire.Ask{Term: 4, Lease: lease} },
		func(q *wire.Question) { q.Transfer = 4 },
	} {
		if reply := r.ask(site.Primary, change); reply.State != wire.Blank || reply.Answer != 0 || reply.Record.Term != 0 {
			t.Fatalf("with one heard: %+v", reply)
		}
	}
	r.ask(site.Secondary, nil) // learns the nonce and the life
	r.ask(site.Secondary, func(q *wire.Question) { q.Run = 3 })
	r.still(0)
	r.ask(site.Secondary, nil)
	r.still(0) // the primary may have left for another PoP by now
	reply := r.ask(site.Primary, nil)
	if want := (site.Claim{Term: 5}); reply.Record != want || reply.State != wire.Serving || len(r.kept) != 1 || r.kept[0].Claim != want {
		t.Fatalf("with both heard: %+v, kept %+v", reply, r.kept)
	}
	if told := r.of(site.Secondary).r; told.Record.Term != 5 {
		t.Errorf("the other isn't told: %+v", told)
	}
	r.granted(r.claim(site.Secondary, 5, nil), 6, site.Secondary)
}

// R10: and not before a former life's promise must be over.
func TestLostRecordWaitsR10(t *testing.T) {
	r := newRig(t, nil, true)
	r.meet()
	if reply := r.ask(site.Primary, nil); reply.State != wire.Blank {
		t.Fatalf("%+v", reply)
	}
	r.pass(LeaseMax)
	if reply := r.ask(site.Primary, nil); reply.State != wire.Serving || reply.Record.Term != 1 {
		t.Fatalf("%+v", reply)
	}
}

// R10: a record behind what a vSocket knows (an old backup) is as good as lost.
func TestRecordBehindR10(t *testing.T) {
	r := newServing(t)
	r.restart()
	r.pass(LeaseMax)
	r.ask(site.Primary, nil)
	r.of(site.Primary).q.Granted = site.Claim{Term: 6, Holder: site.Secondary, Boot: site.BootID{2}}
	if reply := r.ask(site.Primary, nil); reply.State != wire.Blank {
		t.Fatalf("believes itself: %+v", reply)
	}
	if reply := r.claim(site.Primary, 6, nil); reply.Grant != 0 {
		t.Fatal("grants from a term that it doesn't know")
	}
	r.ask(site.Secondary, nil)
	r.ask(site.Secondary, nil)
	if reply := r.ask(site.Primary, nil); reply.State != wire.Serving || reply.Record != (site.Claim{Term: 7}) {
		t.Fatalf("with both heard: %+v", reply)
	}
}

// R10, R7: what it has promised on its old record holds all the same.
func TestRecordBehindKeepsItsPromise(t *testing.T) {
	r := newServing(t)
	r.renew(site.Primary, 1, nil)
	r.of(site.Secondary).q.Granted.Term = 2
	r.ask(site.Secondary, nil)
	r.still(3)
	r.claim(site.Secondary, 3, nil)
	r.still(3)
	r.pass(lease)
	r.granted(r.claim(site.Secondary, 3, nil), 4, site.Secondary)
}

// Section 5, 1: whatever comes, a term's record is kept once, and rises.
func TestTheRecordRises(t *testing.T) {
	r := newServing(t)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
	r.pass(lease)
	r.restart()
	r.meet()
	r.pass(LeaseMax)
	r.granted(r.claim(site.Primary, 2, nil), 3, site.Primary)
	for i, record := range r.kept {
		if record.Claim.Term != site.Term(i+1) {
			t.Errorf("kept %+v", r.kept)
		}
	}
}
