package sim

import (
	"releve.dev/releve/site"
)

// holderCheck is P8 and one holder a term (ha.md section 5, 1): a term has one
// holder, the register never falls, and no vSocket serves an older term than it
// has served. A person who writes an older register voids what was known.
type holderCheck struct {
	indifferent
	w       *World
	holders map[site.Term]site.Claim
	served  [3]site.Term
	held    [3]site.Claim // by the one who is active or suspended
	highest site.Term
	voided  bool
}

func newHolderCheck(w *World) *holderCheck {
	return &holderCheck{w: w, holders: map[site.Term]site.Claim{}}
}

func (h *holderCheck) said(n *node, what string) {
	h.keeps(n, what)
	if what != "active" && what != "gate opened" {
		return
	}
	claim := n.granted
	if claim.Holder != n.side || claim.Boot != n.boot_ {
		h.w.fail("one holder", "the %s is active, but term %d is %s's", n.side, claim.Term, claim)
	}
	h.hold(claim)
	if what == "gate opened" {
		if claim.Term < h.served[n.side] && !h.voided && !h.w.witnessed.voided {
			h.w.fail("terms rise", "the %s serves term %d after %d", n.side, claim.Term, h.served[n.side])
		}
		h.served[n.side] = claim.Term
	}
}

// keeps: who holds a term gives it up by yielding it, or to a higher one or a rival
// in the register, and in no other way. A lease that runs out makes it suspended
// (ha-schedules.md 12). Once given up it isn't held any more, though a person may
// put the claim back.
func (h *holderCheck) keeps(n *node, what string) {
	switch what {
	case "active", "suspended":
		h.held[n.side] = n.granted
	case "yielded", "started":
		h.held[n.side] = site.Claim{}
	case "standby":
		if held := h.held[n.side]; held.Boot == n.boot_ && held == n.granted {
			h.w.fail("one holder", "the %s holds term %d, and is standby", n.side, held.Term)
		}
		h.held[n.side] = site.Claim{}
	}
}

func (h *holderCheck) hold(claim site.Claim) {
	known, is := h.holders[claim.Term]
	if is && (known.Holder != claim.Holder || known.Boot != claim.Boot) && !h.voided && !h.w.witnessed.voided {
		h.w.fail("one holder", "term %d is both %s's and %s's", claim.Term, known, claim)
	}
	h.holders[claim.Term] = claim
}

func (h *holderCheck) writes(by *node, side site.Side, before, after *nic) {
	if side != site.Primary || after.claim == before.claim {
		return
	}
	if by == nil {
		h.voided = h.voided || after.claim.Term < before.claim.Term
		return
	}
	if after.claim.Term < before.claim.Term && !h.w.witnessed.voided {
		h.w.fail("terms rise", "the %s writes %s over %s", by.side, after.claim, before.claim)
	}
	// Its write rests on a read that has shown the rival (If-Match), and the register
	// decides, where it is the third.
	if h.w.pops == nil && after.claim.Rivals(before.claim) {
		h.w.fail("one holder", "the %s writes %s over %s", by.side, after.claim, before.claim)
	}
	h.hold(after.claim)
	if after.claim.Term > h.highest {
		h.highest = after.claim.Term
		if h.w.pops != nil {
			return // counted at the witness
		}
		h.w.stats.Grants++
	}
}

func (h *holderCheck) delivers(was, now site.Side) {
	if now != site.NoSide {
		h.w.stats.Moves++
	}
}
