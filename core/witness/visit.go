package witness

import (
	"fmt"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
)

// A site has one witness at a time: the one of the PoP that its vSockets are at.
// What makes it the one is that both have been there at the same time, in the
// visits that its record names. A vSocket in another visit has been elsewhere,
// where a term may have been granted; so it is answered and granted nothing until
// the other, there too, has been heard since it came (decision 7).
//
// No two witnesses can be the one: of the two moments at which both vSockets were
// together, one is the later, and both had left the other witness by then.

// resident: what this side says it says in a visit that the record names, or it
// hasn't been heard in this life. A site's first visits have no name.
func (w *Witness) resident(s site.Side) bool {
	v := w.of(s)
	return !v.known || v.last.Visit == w.record.Visits[s-site.Primary] || slip.Is(slip.VisitsIgnored)
}

// arrived: a side's boot or visit is another one. What the other has heard
// from now on shows that it is here at the same time; it is told at once, so that
// it can.
func (w *Witness) arrived(from site.Side) {
	peer := w.of(from.Peer())
	w.of(from).mark = peer.seq
	w.tell[from.Peer()-site.Primary] = peer.known && (w.blank || !w.resident(from))
}

// together: both have been here at the same time. Each has heard something of this
// life that was said after the other had come, so neither had left before that.
func (w *Witness) together() bool {
	for i := range w.sides {
		s, peer := &w.sides[i], &w.sides[1-i]
		if !s.known || s.last.Run != w.run || s.last.Heard <= peer.mark && !slip.Is(slip.VisitsIgnored) {
			return false
		}
	}
	return true
}

// settle makes residents of those who have come, once both are here. If neither
// was one, or the record is no good, it begins anew (R10).
func (w *Witness) settle(now Time) {
	highest := w.doubt()
	primary, secondary := w.resident(site.Primary), w.resident(site.Secondary)
	switch {
	case !w.blank && highest == 0: // no term has been anywhere
		w.admit()
	case !w.blank && primary && secondary:
	case !w.blank && (primary || secondary):
		if w.together() {
			w.admit()
			w.note("vsocket joins", "it comes from another PoP, and both are heard here")
		}
	case w.together() && !w.young(now), slip.Is(slip.WitnessBlankGrants):
		w.begin(highest)
	}
}

// doubt gives the highest term that is known here. A record that a vSocket is ahead
// of, an old backup or one from before the site went to another PoP, is as good as
// none.
func (w *Witness) doubt() site.Term {
	highest := site.Term(0)
	for i := range w.sides {
		if s := &w.sides[i]; s.known && s.last.Run == w.run {
			highest = max(highest, s.last.Granted.Term)
		}
	}
	if !w.blank && highest > w.record.Claim.Term && !slip.Is(slip.WitnessBehind) {
		w.blank = true
		w.note("record behind", fmt.Sprintf("term %d here, %d at a vSocket; waits to hear both", w.record.Claim.Term, highest))
	}
	return max(highest, w.record.Claim.Term)
}

// begin is R10, as decision 5 has corrected it: a witness without a record that it
// can go by hears both vSockets. Each has dropped its claims when it heard of this
// life, or when it came. Then it begins one term above the highest that the three
// know, with no holder.
func (w *Witness) begin(highest site.Term) {
	w.blank = false
	w.record = Record{Claim: site.Claim{Term: highest + 1}, Visits: w.visits()}
	w.keep()
	w.note("record made anew", fmt.Sprintf("term %d, with no holder", highest+1))
	w.sides[0].grant, w.sides[1].grant = 0, 0
	w.tellAll()
}

// admit makes residents of all that have been heard.
func (w *Witness) admit() {
	if visits := w.visits(); visits != w.record.Visits {
		w.record.Visits = visits
		w.keep()
	}
}

// visits are the present ones of those who have been heard.
func (w *Witness) visits() [2]uint64 {
	visits := w.record.Visits
	for i := range w.sides {
		if s := &w.sides[i]; s.known {
			visits[i] = s.last.Visit
		}
	}
	return visits
}
