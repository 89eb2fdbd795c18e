package sim

import (
	"time"

	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// witnessCheck is W's part of ha.md section 5, 1: its record never falls, a term
// has one holder, what it tells is durable, and nothing is granted while a
// promise of its own lasts.
type witnessCheck struct {
	w        *World
	holders  map[site.Term]site.Claim
	highest  site.Term
	voided   bool // somebody has brought an old record back, or lost it
	promised time.Duration
	term     site.Term // that the promise was for
	yielded  site.Term
	given    site.Term // its holder has given it to the other
	claims   int       // since the healing
}

func (c *witnessCheck) granted(claim site.Claim) {
	w := c.w
	if claim.Term <= c.highest && !c.voided {
		w.fail("record rises", "the witness grants term %d after %d", claim.Term, c.highest)
	}
	if known, is := c.holders[claim.Term]; is && known != claim && !c.voided {
		w.fail("one holder", "the witness grants term %d to %s, and has to %s", claim.Term, claim, known)
	}
	free := c.yielded == c.term || c.given == c.term
	if left := c.promised - w.now; left > 0 && claim.Term > c.term && !free && claim.Holder != site.NoSide {
		w.fail("promise", "the witness grants term %d %v before its promise for term %d is over", claim.Term, left, c.term)
	}
	c.holders[claim.Term] = claim
	if claim.Term > c.highest {
		c.highest = claim.Term
		if claim.Holder != site.NoSide {
			w.stats.Grants++
		}
		if w.heal {
			c.claims++
		}
	}
	if c.claims > 5 {
		w.fail("no flapping", "%d terms since the healing", c.claims)
	}
}

// hears: who has yielded or given a term away has no claim to the promise.
func (c *witnessCheck) hears(q *wire.Question) {
	if q.Yielded != 0 {
		c.yielded = max(c.yielded, q.Yielded)
	}
	if q.Claim.Yielded {
		c.yielded = max(c.yielded, q.Claim.From)
	}
	if q.Transfer != 0 {
		c.given = max(c.given, q.Transfer)
	}
}

func (c *witnessCheck) says(r *wire.Reply) {
	record := c.w.pop.record
	if r.State != wire.Blank && (record == nil && r.Record != (site.Claim{}) || record != nil && r.Record != record.Claim) {
		c.w.fail("kept first", "the witness tells %s, and has kept another record", r.Record)
	}
	if r.Answer != 0 {
		c.promised, c.term = c.w.now+c.w.sched.Settings.Lease-drift, r.Answer
	}
}
