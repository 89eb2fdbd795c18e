package sim

import (
	"slices"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// witnessCheck is W's part of ha.md section 5, 1: its record never falls, a term
// has one holder, what it tells is durable, and nothing is granted while a
// promise of its own lasts.
type witnessCheck struct {
	indifferent
	w       *World
	holders map[site.Term]site.Claim
	highest site.Term
	voided  bool // somebody has brought an old record back, or lost it, or nobody knows the last term
	claims  int  // since the healing
}

// witnessSeen is what it has seen of one witness.
type witnessSeen struct {
	promised time.Duration // 0: nothing, or it is void
	term     site.Term     // that the promise was for
	seen     [2]wire.View
	serving  [2]serving
}

// serving is how a witness hears that one side serves, with no silence in between.
type serving struct {
	heard time.Duration // its last question, by the witness's clock
	says  bool          // that one says so
	told  time.Duration // when the witness has said so to the other first; never: not yet
}

func (c *witnessCheck) granted(p *pop, claim site.Claim) {
	w := c.w
	c.voided = c.voided || claim.Term <= c.highest && c.forgotten(claim.Term)
	// With no holder it may be in place of a grant that nobody has heard of (R10), or
	// made of late questions, when both have left: who comes brings a higher one.
	if claim.Term <= c.highest && claim.Holder != site.NoSide && !c.voided && !c.late(p) {
		w.fail("record rises", "the witness grants term %d after %d", claim.Term, c.highest)
	}
	known, is := c.holders[claim.Term]
	if is && known != claim && claim.Holder != site.NoSide && known.Holder != site.NoSide && !c.voided {
		w.fail("one holder", "the witness grants term %d to %s, and has to %s", claim.Term, claim, known)
	}
	if left := p.promised - w.now; left > 0 && claim.Term > p.term && claim.Holder != site.NoSide {
		w.fail("promise", "the witness grants term %d %v before its promise for term %d is over", claim.Term, left, p.term)
	}
	for _, n := range w.nodes[1:] {
		if claim.Holder == site.NoSide && n.pop == p.index && n.granted.Term >= claim.Term && !c.voided {
			w.fail("record rises", "the witness begins anew with term %d, and the %s has kept term %d", claim.Term, n.side, n.granted.Term)
		}
	}
	if claim.Holder != site.NoSide {
		c.holders[claim.Term] = claim
	}
	if claim.Term > c.highest {
		c.highest = claim.Term
		if claim.Holder != site.NoSide {
			w.stats.Grants++
		}
		if w.heal {
			c.claims++
		}
	}
	if c.claims > 5+4*(len(w.pops)-1) {
		w.fail("no flapping", "%d terms since the healing", c.claims)
	}
}

// hears: who has yielded a term or gives it away has no claim to the promise, until
// it is made anew. That is told of the promise's own term alone: a witness that has
// lost its record may have heard the like of higher ones before.
func (*witnessCheck) hears(p *pop, q *wire.Question) {
	if p.term != 0 && (q.Yielded == p.term || q.Claim.Yielded && q.Claim.From == p.term || q.Transfer == p.term) {
		p.promised = 0
	}
	now, s := p.now(), &p.serving[q.From-site.Primary]
	says := q.Role == site.Active && q.Fit
	if says && (!s.says || now-s.heard >= p.w.silence()) {
		s.told = never // what the witness has said before is that it was silent, or not fit to serve
	}
	s.heard, s.says = now, says
}

// late: there are two PoPs, and what this one grants was asked in the visit that its
// record names, but neither vSocket is there any more. It can't know that of a
// question that was long under way. Nobody hears of what is granted so, and who comes
// back comes in another visit, for which that record doesn't count (decision 7).
func (c *witnessCheck) late(p *pop) bool {
	visits, q := p.record.Visits, &p.question
	return len(c.w.pops) > 1 && q.Visit == visits[q.From-site.Primary] && !slices.ContainsFunc(c.w.nodes[1:], func(n *node) bool {
		state, kept := ha.DecodeState(n.record) // without one its next visit has a name of its own
		return kept && state.PoP == p.index && state.Visit == visits[n.side-site.Primary]
	})
}

// forgotten: there are two PoPs, and no vSocket knows of this term any more, so
// both have lost what they knew. Then nobody can tell the PoP that they begin at what was at
// the other, and nobody serves what was granted there.
func (c *witnessCheck) forgotten(term site.Term) bool {
	return len(c.w.pops) > 1 && c.w.has(Wipe) && !slices.ContainsFunc(c.w.nodes[1:], func(n *node) bool { return n.granted.Term >= term })
}

// heard is ha.md section 5, 6: of one boot only what is newer changes what the
// witness sees.
func (c *witnessCheck) heard(p *pop) {
	if !c.w.has(TunnelOld) || p.witness == nil {
		return
	}
	now := p.witness.Status(p.now()).Sides
	for i, before := range p.seen {
		if before.Boot == now[i].Boot && now[i].Seq < before.Seq && now[i].Seq != 0 {
			c.w.fail("replays", "the witness takes question %d of the %s for news, after question %d", now[i].Seq, site.Side(i+1), before.Seq)
		}
	}
	p.seen = now
}

// said is R6a: who claims from an active that serves, and that the witness hears,
// claims in vain, and answers nobody meanwhile. The claimant goes by what the witness
// has said: who is back, or fit again, is so at the witness first.
func (c *witnessCheck) said(n *node, what string) {
	w := c.w
	other := w.nodes[n.side.Peer()]
	if what != "claiming" || w.pops == nil || !w.reached(n) || w.has(Tunnel, TunnelLoss, TunnelLate, TunnelOld, PoPDown, PoPBlank, PoPBehind) {
		return
	}
	if n.until+w.most.Silent > w.now && n.until != 0 {
		return // it stood still, and what it believes is about to be told
	}
	p := w.pops[n.pop]
	if w.now-w.sched.Settings.Trip*5/4 < p.serving[other.side-site.Primary].told {
		return // it serves again, and the witness's word of that hasn't come yet
	}
	view := p.witness.Status(p.now()).Sides[other.side-site.Primary]
	if view.Role == site.Active && view.Fit && view.Leased && view.Age < w.least.Silent/4 && other.fit() && other.serve > other.local() {
		w.fail("no vain claims", "the %s claims, and the %s serves and was heard by the witness %v ago", n.side, other.side, view.Age)
	}
}

func (c *witnessCheck) says(p *pop, r *wire.Reply) {
	record := p.record
	if r.State != wire.Blank && (record == nil && r.Record != (site.Claim{}) || record != nil && r.Record != record.Claim) {
		c.w.fail("kept first", "the witness tells %s, and has kept another record", r.Record)
	}
	if s := &p.serving[r.To.Peer()-site.Primary]; s.told == never && r.Other.Role == site.Active && r.Other.Fit {
		s.told = c.w.now
	}
	if r.Answer != 0 {
		p.promised, p.term = c.w.now+c.w.least.Lease-drift, r.Answer
	}
}
