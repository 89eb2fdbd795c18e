package witness

import (
	"testing"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// R7: a claim from the present term gets the next one, and what it takes is done
// in order: kept, let through, told; both are told.
func TestGrantR7(t *testing.T) {
	r := newRig(t, nil, false)
	r.meet()
	r.pass(LeaseMax)
	reply := r.claim(site.Secondary, 0, nil)
	r.granted(reply, 1, site.Secondary)
	if reply.Grant != 1 || reply.Answer != 1 || reply.Record.Generation != 5 || reply.State != wire.Serving {
		t.Errorf("the claimant is told %+v", reply)
	}
	if told := &r.of(site.Primary).r; told.Record != reply.Record || told.Grant != 0 || told.Answer != 0 {
		t.Errorf("the other is told %+v", told)
	}
	order := ""
	for _, action := range r.did {
		switch action.(type) {
		case Save:
			order += "kept "
		case Route:
			order += "downstream "
		case Upstream:
			order += "upstream "
		case Say:
			order += "told "
		}
	}
	if order != "kept downstream upstream told told " {
		t.Errorf("done in the order %s", order)
	}
}

// R7: the promise to the holder is kept to its last moment, and no longer.
func TestGrantWaitsForThePromiseR7(t *testing.T) {
	r := newServing(t)
	if reply := r.renew(site.Primary, 1, nil); reply.Answer != 1 {
		t.Fatalf("the holder isn't answered: %+v", reply)
	}
	r.pass(lease - 1)
	if reply := r.claim(site.Secondary, 1, nil); reply.Grant != 0 {
		t.Fatal("granted while the holder has been promised that nothing is")
	}
	r.still(1)
	r.pass(1)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
}

// The grant is a promise as well: the new holder counts from when it claimed.
func TestGrantIsAPromiseR7(t *testing.T) {
	r := newServing(t)
	r.claim(site.Secondary, 1, nil)
	r.pass(lease - 1)
	r.claim(site.Primary, 2, nil)
	r.still(2)
	r.pass(1)
	r.granted(r.claim(site.Primary, 2, nil), 3, site.Primary)
}

// R7: a claim from a term that is over, or that has not been, is refused by
// telling the record (ha-schedules.md 5); of two at once the first gets it.
func TestClaimFromAnotherTermR7(t *testing.T) {
	r := newServing(t)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
	r.pass(lease)
	if reply := r.claim(site.Primary, 1, nil); reply.Grant != 0 || reply.Record.Term != 2 {
		t.Fatalf("the second of two at once: %+v", reply)
	}
	r.claim(site.Primary, 3, nil)
	r.still(2)
	if again := r.claim(site.Secondary, 1, nil); again.Grant != 2 || again.Record.Term != 2 {
		t.Errorf("the same claim again, its grant was lost: %+v", again)
	}
	r.still(2)
}

// R6c: what the claimant says of the holder's yielding voids the promise, and so
// does the holder's own word; a stranger's doesn't.
func TestYieldedVoidsThePromiseR6(t *testing.T) {
	r := newServing(t)
	r.renew(site.Primary, 1, nil)
	r.granted(r.claim(site.Secondary, 1, func(q *wire.Question) { q.Claim.Yielded = true }), 2, site.Secondary)

	r = newServing(t)
	r.renew(site.Primary, 1, nil)
	if reply := r.renew(site.Primary, 1, func(q *wire.Question) { q.Yielded = 1 }); reply.Answer != 0 {
		t.Error("who has yielded is answered")
	}
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)

	r = newServing(t)
	r.renew(site.Primary, 1, nil)
	r.ask(site.Secondary, func(q *wire.Question) { q.Yielded = 1 }) // never held it
	r.claim(site.Secondary, 1, nil)
	r.still(1)
	r.claim(site.Primary, 1, func(q *wire.Question) { q.Claim.Yielded = true }) // of a term of its own
	r.still(1)
}

// R4: the holder's present boot alone is answered, for the present term, while it
// can hear.
func TestAnswerR4(t *testing.T) {
	for name, change := range map[string]func(q *wire.Question){
		"another term":         func(q *wire.Question) { q.Ask.Term = 2 },
		"nothing asked":        func(q *wire.Question) { q.Ask.Lease = 0 },
		"deaf":                 func(q *wire.Question) { q.Age = lease },
		"never heard us":       func(q *wire.Question) { q.Heard = 0 },
		"heard a former life":  func(q *wire.Question) { q.Run++ },
		"counts more than 3 s": func(q *wire.Question) { q.Ask.Lease = LeaseMax + 1 },
		"has yielded":          func(q *wire.Question) { q.Yielded = 1 },
	} {
		r := newServing(t)
		if reply := r.renew(site.Primary, 1, change); reply.Answer != 0 {
			t.Errorf("%s: answered", name)
		}
		if left := r.w.Status(r.now).Promise; left > 0 {
			t.Errorf("%s: promised for %v", name, left)
		}
		if reply := r.renew(site.Primary, 1, nil); reply.Answer != 1 {
			t.Errorf("%s: the good one after it isn't answered", name)
		}
	}
	r := newServing(t)
	if reply := r.renew(site.Secondary, 1, nil); reply.Answer != 0 {
		t.Error("a stranger to the term is answered")
	}
	r.boot(site.Primary, 9)
	r.meet()
	if reply := r.renew(site.Primary, 1, nil); reply.Answer != 0 {
		t.Error("the holder's next boot is answered (R0)")
	}
}

// R4: an answer is for the question that it follows. What is told later, unasked,
// repeats nothing.
func TestAnAnswerIsGivenOnce(t *testing.T) {
	r := newServing(t)
	r.renew(site.Primary, 1, nil)
	if reply := r.ask(site.Primary, nil); reply.Answer != 0 {
		t.Errorf("a question that asks for nothing is answered: %+v", reply)
	}
}

// A promise isn't made shorter by a later question for a shorter lease: the asker
// counts each answer for itself.
func TestAPromiseIsNeverShortened(t *testing.T) {
	r := newServing(t)
	r.renew(site.Primary, 1, func(q *wire.Question) { q.Ask.Lease = LeaseMax })
	r.renew(site.Primary, 1, nil)
	r.pass(lease)
	r.claim(site.Secondary, 1, nil)
	r.still(1)
	r.pass(LeaseMax)
	r.granted(r.claim(site.Secondary, 1, nil), 2, site.Secondary)
}
