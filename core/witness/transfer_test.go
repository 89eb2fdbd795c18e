package witness

import (
	"testing"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// transfer is the present holder's giving of its term; the taker's last reply.
func (r *rig) transfer() *wire.Reply {
	claim := r.w.Status(r.now).Record.Claim
	r.renew(claim.Holder, claim.Term, func(q *wire.Question) { q.Transfer = claim.Term })
	return &r.of(claim.Holder.Peer()).r
}

// R8.2: the term goes to the taker's present boot although the giver has a promise;
// no claim of the taker's has got it, so it has no nonce, and both are told.
func TestTransferR8(t *testing.T) {
	r := newServing(t)
	r.renew(site.Primary, 1, nil)
	reply := r.transfer()
	r.granted(reply, 2, site.Secondary)
	if reply.Grant != 0 || reply.Answer != 2 { // the promise counts from its last question
		t.Errorf("the taker is told %+v", reply)
	}
	if giver := r.of(site.Primary).r; giver.Record.Term != 2 || giver.Answer != 0 {
		t.Errorf("the giver is told %+v", giver)
	}
	if to, ok := has[Route](r); !ok || to.To != site.Secondary {
		t.Errorf("downstream goes to %v (%v)", to, ok)
	}
	if up, ok := has[Upstream](r); !ok || up != (Upstream{true, true}) {
		t.Errorf("upstream is taken from %v (%v)", up, ok)
	}
	r.claim(site.Primary, 2, nil) // the giver's lease may still run, and so does the grant's promise
	r.still(2)
}

// R8.2: only its holder gives a term away, and only to one that is heard, fit, and
// knows of this life.
func TestTransferIsRefusedR8(t *testing.T) {
	gives := func(q *wire.Question) { q.Transfer = 1 }
	for name, spoil := range map[string]func(r *rig){
		"a term that is over": func(r *rig) { r.renew(site.Primary, 1, func(q *wire.Question) { q.Transfer = 2 }) },
		"not the holder":      func(r *rig) { r.ask(site.Secondary, gives) },
		"another boot of the holder's": func(r *rig) {
			r.boot(site.Primary, 9)
			r.ask(site.Primary, nil)
			r.ask(site.Primary, gives)
		},
		"sent to a former life": func(r *rig) { r.ask(site.Primary, func(q *wire.Question) { q.Transfer, q.Run = 1, q.Run+1 }) },
		"the taker is silent":   func(r *rig) { r.pass(LeaseMax); r.ask(site.Primary, gives) },
		"the taker is not fit": func(r *rig) {
			r.ask(site.Secondary, func(q *wire.Question) { q.Fit = false })
			r.ask(site.Primary, gives)
		},
		"the taker believes a former life": func(r *rig) {
			r.ask(site.Secondary, func(q *wire.Question) { q.Run++ })
			r.ask(site.Primary, gives)
		},
		"the taker has just booted": func(r *rig) {
			r.boot(site.Secondary, 9)
			r.ask(site.Secondary, nil)
			r.restart()
			r.ask(site.Primary, nil)
			r.ask(site.Primary, gives)
		},
	} {
		r := newServing(t)
		r.ask(site.Secondary, nil)
		spoil(r)
		if got := r.w.Status(r.now).Record.Claim.Term; got != 1 {
			t.Errorf("%s: term %d is granted", name, got)
		}
	}
}

// R9: upstream is taken from the holder, and from the one before for 300 s. A
// holder that has restarted and claimed anew doesn't shorten that.
func TestFenceR9(t *testing.T) {
	r := newServing(t)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
	if up, _ := has[Upstream](r); up != (Upstream{true, true}) {
		t.Fatalf("at the grant: %v", up)
	}
	given := r.now
	r.boot(site.Secondary, 9)
	r.ask(site.Secondary, nil)
	r.pass(lease)
	r.granted(r.claim(site.Secondary, 2, nil), 3, site.Secondary)
	if up, _ := has[Upstream](r); up != (Upstream{true, true}) {
		t.Errorf("the holder has claimed again: %v", up)
	}
	at, ok := r.w.Next()
	if !ok || at != given+DrainMax {
		t.Fatalf("ends %v after the grant (%v)", at-given, ok)
	}
	r.take(r.w.Tick(at - 1))
	if _, ok := has[Upstream](r); ok {
		t.Error("ends early")
	}
	r.now = at
	r.take(r.w.Tick(at))
	if up, ok := has[Upstream](r); !ok || up != (Upstream{false, true}) {
		t.Errorf("after 300 s: %v (%v)", up, ok)
	}
	if _, ok := r.w.Next(); ok {
		t.Error("wants another tick")
	}
	r.restart()
	if up, ok := has[Upstream](r); !ok || up != (Upstream{true, true}) {
		t.Errorf("a new life, which doesn't know since when: %v (%v)", up, ok)
	}
}
