package witness

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// holds reports whether a question is of the term's holder.
func (w *Witness) holds(q *wire.Question) bool {
	return q.From == w.record.Claim.Holder && q.Boot == w.record.Claim.Boot
}

// current: a reply of this life has been heard, and is younger than the lease, so
// the asker can be heard and doesn't answer for a former life of ours.
func (w *Witness) current(q *wire.Question) bool {
	return q.Run == w.run && q.Heard != 0 && q.Age < q.Ask.Lease
}

// ask is R4: the promise to the holder that nothing is granted. It needs no
// waiting after a restart, as the record says who the holder is.
func (w *Witness) ask(now Time, q *wire.Question) {
	term := w.record.Claim.Term
	if q.Ask.Lease == 0 || q.Ask.Lease > LeaseMax || q.Ask.Term != term || term == 0 || !w.holds(q) || q.Yielded == term || !w.current(q) {
		return
	}
	w.prom = max(w.prom, now+q.Ask.Lease)
	w.of(q.From).answer = term
}

// yielded: its holder will not serve this term again, so the promise is void.
func (w *Witness) yielded(q *wire.Question) {
	if q.Yielded != 0 && q.Yielded == w.record.Claim.Term && w.holds(q) {
		w.prom = 0
	}
}

// claim is R7. The first of two that come at once gets the term.
func (w *Witness) claim(now Time, q *wire.Question) {
	c := &q.Claim
	if c.Nonce == 0 || q.Run != w.run || c.From != w.record.Claim.Term {
		return
	}
	given := c.Yielded && w.record.Claim.Holder == q.From.Peer()
	free := now >= w.prom && !w.young(now) || slip.Is(slip.WitnessPromiseIgnored)
	if !given && !free {
		return
	}
	w.grant(now, q.From, c.Generation, c.Nonce, c.Lease, "claimed")
	w.of(q.From).answer = w.record.Claim.Term // the promise counts for this question
}

// transfer is R8.2, the point of no return of a handover.
func (w *Witness) transfer(now Time, q *wire.Question) {
	term := w.record.Claim.Term
	if q.Transfer == 0 || q.Transfer != term || !w.holds(q) || q.Run != w.run {
		return
	}
	taker := w.of(q.From.Peer())
	if !taker.known || now-taker.at >= LeaseMax || !taker.last.Fit || taker.last.Run != w.run || !w.resident(q.From.Peer()) {
		return
	}
	w.grant(now, q.From.Peer(), w.record.Claim.Generation, 0, q.Ask.Lease, "handed over")
	taker.answer = w.record.Claim.Term // the promise counts from its last question too, which was before
}

// grant gives the next term to a side's present boot.
func (w *Witness) grant(now Time, to site.Side, generation, nonce uint64, lease Time, how string) {
	s := w.of(to)
	before := w.record.Claim
	prev := before.Holder
	if prev == to { // it has restarted: what the other still drains goes on
		prev = w.record.Prev
	}
	w.record = Record{Prev: prev, Visits: w.record.Visits,
		Claim: site.Claim{Term: before.Term + 1, Holder: to, Boot: s.boot, Generation: generation}}
	w.keep()
	s.grant = nonce
	w.prom = now + min(lease, LeaseMax)
	w.note("term granted", fmt.Sprintf("term %d to the %s, %s", w.record.Claim.Term, to, how))
	if before.Holder != site.NoSide && before.Holder != to {
		w.prevEnd = now + DrainMax
	}
	w.sides[0].answer, w.sides[1].answer = 0, 0 // they were for the term before
	w.fence(now)
	w.tellAll()
}

// tellAll: the record has changed, so both are told unasked.
func (w *Witness) tellAll() {
	for i := range w.sides {
		w.tell[i] = w.sides[i].known
	}
}

func (w *Witness) keep() {
	if !slip.Is(slip.WitnessRecordLate) {
		w.do(Save{w.record})
	}
}

// fence lets traffic through by the term alone: downstream to the holder,
// upstream from the holder and, for a while, from the one before.
func (w *Witness) fence(now Time) {
	holder := w.record.Claim.Holder
	if holder == site.NoSide {
		return
	}
	takes := func(s site.Side) bool { return s == holder || s == w.record.Prev && now < w.prevEnd }
	w.do(Route{holder}, Upstream{takes(site.Primary), takes(site.Secondary)})
}
