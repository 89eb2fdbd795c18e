package witness

import (
	"testing"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// Section 5, 6: a boot is accepted when it says the nonce that it has been told,
// and told nothing before.
func TestABootIsAcceptedByItsNonce(t *testing.T) {
	r := newServing(t)
	r.boot(site.Secondary, 9)
	reply := r.claim(site.Secondary, 1, func(q *wire.Question) { q.Claim.Yielded = true })
	r.still(1)
	if reply.State != wire.Blank || reply.Record.Term != 0 || reply.Nonce == 0 || reply.Boot != (site.BootID{9}) {
		t.Fatalf("a stranger is told %+v", reply)
	}
	guess := *reply
	guess.Nonce++
	r.of(site.Secondary).r = guess
	r.claim(site.Secondary, 1, nil)
	r.still(1)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
}

// Section 5, 6: a boot that was accepted and replaced doesn't come back by what it
// once sent, in this life of the witness or the next.
func TestReplayedBoot(t *testing.T) {
	r := newServing(t)
	var old []wire.Question
	keep := func(q *wire.Question) {
		q.Claim = wire.Claim{From: 1, Nonce: 5, Lease: lease, Yielded: true}
		old = append(old, *q)
		q.Claim = wire.Claim{}
	}
	r.ask(site.Secondary, keep)
	r.ask(site.Secondary, keep)
	old[1].Seq += 1000 // one that never arrived
	r.boot(site.Secondary, 9)
	r.meet()
	r.replay(old)
	r.restart()
	r.pass(LeaseMax)
	r.replay(old)
	r.meet()
	r.replay(old)
	if got := r.w.of(site.Secondary).boot; got != (site.BootID{9}) {
		t.Errorf("boot %s is back", got)
	}
}

// Section 5, 6: of the accepted boot what is not newer is nothing, not even a sign
// of life.
func TestReplayedQuestion(t *testing.T) {
	r := newServing(t)
	var old []wire.Question
	r.renew(site.Primary, 1, func(q *wire.Question) { q.Transfer = 9; old = append(old, *q) })
	old[0].Transfer = 1
	r.pass(lease)
	before := r.w.Status(r.now)
	r.replay(old)
	if after := r.w.Status(r.now); after != before || len(r.did) != 0 {
		t.Errorf("%+v is done, and %+v becomes %+v", r.did, before, after)
	}
}

// replay sends what somebody has kept. It must change no term.
func (r *rig) replay(old []wire.Question) {
	r.t.Helper()
	for _, q := range old {
		r.take(r.w.Hear(r.now, &q))
		r.still(1)
	}
}

// Another site's question, or one of no side, is none.
func TestStrangers(t *testing.T) {
	r := newServing(t)
	for _, q := range []wire.Question{{Site: 8, From: site.Primary}, {Site: 7}, {Site: 7, From: 3}} {
		q.Boot, q.Seq, q.Nonce, q.Run = r.of(site.Primary).q.Boot, 1000, r.of(site.Primary).r.Nonce, r.of(site.Primary).r.Run
		if r.take(r.w.Hear(r.now, &q)); len(r.did) != 0 {
			t.Errorf("%+v: %+v", q, r.did)
		}
	}
}

// What it sees of the other is told to each, with how old it is.
func TestView(t *testing.T) {
	r := newServing(t)
	r.ask(site.Secondary, func(q *wire.Question) { q.Role, q.Fit, q.Yielded = site.Suspended, false, 4 })
	r.pass(70 * ms)
	reply := r.ask(site.Primary, nil)
	if v := reply.Other; v.Boot != (site.BootID{2}) || v.Age != 70*ms || v.Role != site.Suspended || v.Fit || v.Yielded != 4 || v.Seq == 0 {
		t.Errorf("%+v", v)
	}
	r = newRig(t, nil, false)
	r.ask(site.Primary, nil)
	if reply := r.ask(site.Primary, nil); reply.Other != (wire.View{}) {
		t.Errorf("of one that was never heard: %+v", reply.Other)
	}
}
