package witness

import (
	"testing"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// goes takes a side to another PoP and back: it comes in another visit, and has
// heard nothing yet in it. It knows the term that it has learned there.
func (r *rig) goes(side site.Side, visit uint64, term site.Term) {
	v := r.of(side)
	v.q.Visit, v.q.Granted, v.r = visit, site.Claim{Term: term}, wire.Reply{}
}

// Decision 7, R10: what one has said before it went to another PoP shows nothing. A
// witness that has lost its record doesn't begin anew with that and with the
// present word of the other, whose disk was wiped.
func TestSaidBeforeTheMoveR10(t *testing.T) {
	r := newRig(t, nil, true)
	r.meet()
	r.pass(10 * LeaseMax) // meanwhile they have been elsewhere, and the secondary is there yet
	r.boot(site.Primary, 9)
	for range 5 {
		if reply := r.ask(site.Primary, nil); reply.State != wire.Blank {
			t.Fatalf("with one there: %+v", reply)
		}
	}
	r.goes(site.Secondary, 1, 3)
	r.ask(site.Secondary, nil)
	r.ask(site.Secondary, nil)
	if reply := r.ask(site.Primary, nil); reply.State != wire.Serving || reply.Record != (site.Claim{Term: 4}) {
		t.Fatalf("with both there: %+v", reply)
	}
}

// Decision 7: one that comes back alone is answered and granted nothing, though the
// record is of the term that it knows: the other may be served elsewhere.
func TestComesBackAlone(t *testing.T) {
	r := newServing(t)
	r.pass(LeaseMax)
	r.goes(site.Primary, 1, 1)
	for range 3 {
		if reply := r.renew(site.Primary, 1, nil); reply.Answer != 0 || reply.State != wire.Blank {
			t.Fatalf("the holder of the record's term, back alone: %+v", reply)
		}
		if reply := r.claim(site.Primary, 1, nil); reply.Grant != 0 {
			t.Fatalf("granted: %+v", reply)
		}
	}
	if reply := r.ask(site.Secondary, nil); reply.State != wire.Serving || reply.Record.Term != 1 {
		t.Errorf("the one that has stayed: %+v", reply)
	}
	if reply := r.renew(site.Primary, 1, nil); reply.State != wire.Serving || reply.Answer != 1 {
		t.Errorf("with both there: %+v", reply)
	}
	r.still(1)
}

// Decision 7: a record is of the visits in which both were there, over a restart too.
func TestVisitsAreKept(t *testing.T) {
	r := newServing(t)
	r.goes(site.Primary, 1, 1)
	r.goes(site.Secondary, 2, 1)
	r.meet()
	r.meet()
	if reply := r.ask(site.Secondary, nil); reply.State != wire.Serving || reply.Record != (site.Claim{Term: 2}) {
		t.Fatalf("both have come: %+v", reply)
	}
	r.granted(r.claim(site.Primary, 2, nil), 3, site.Primary)
	r.restart()
	r.ask(site.Primary, nil)
	if reply := r.renew(site.Primary, 3, nil); reply.Answer != 3 {
		t.Errorf("it was there all the time: %+v", reply)
	}
	r.pass(LeaseMax)
	r.goes(site.Secondary, 7, 3)
	r.ask(site.Secondary, nil)
	if reply := r.claim(site.Secondary, 3, nil); reply.Grant != 0 || reply.State != wire.Blank {
		t.Errorf("it has been elsewhere while the witness was down: %+v", reply)
	}
}

// R8.2: nobody hands over to one that has come and isn't known to be there.
func TestNoTransferToOneThatHasCome(t *testing.T) {
	r := newServing(t)
	r.ask(site.Primary, nil)
	before := r.of(site.Primary).r
	r.goes(site.Secondary, 2, 1)
	r.ask(site.Secondary, nil)
	r.ask(site.Secondary, nil)
	r.of(site.Primary).r = before // what it was told of the secondary's coming is lost
	r.transfer()
	r.still(1)
	r.granted(r.transfer(), 2, site.Secondary)
}
