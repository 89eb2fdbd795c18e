package sim

import "releve.dev/releve/site"

// untouchedCheck is P3 (ha.md section 5, 5; requirement B5): a vSocket's write
// changes nothing of a NIC but the floating IP and the claim.
type untouchedCheck struct {
	indifferent
	w *World
}

func (u *untouchedCheck) writes(by *node, side site.Side, before, after *nic) {
	if by != nil && before.rest != after.rest {
		u.w.fail("nothing lost", "the %s changed the %s's NIC\nfrom %s\nto   %s", by.side, side, before.rest, after.rest)
	}
}
