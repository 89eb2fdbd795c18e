package site

import (
	"fmt"
	"strconv"
	"strings"
)

// ClaimTag is the Azure tag that carries a Claim. On the primary's LAN NIC it
// is the site's register: the one place where a term is born when ARM is the
// third (ha.md R11).
const ClaimTag = "releve-claim"

// Claim says who holds a term. The zero Claim is that of a site nobody has
// ever claimed.
type Claim struct {
	Term       Term
	Holder     Side
	Boot       BootID
	Generation uint64 // of the settings that the holder acts on
}

// Rivals reports whether two claims are of one term and of two holders.
func (c Claim) Rivals(other Claim) bool {
	return c.Term == other.Term && c.Term != 0 && (c.Holder != other.Holder || c.Boot != other.Boot)
}

// String is the tag's value: term/holder/boot/generation.
func (c Claim) String() string {
	return fmt.Sprintf("%d/%s/%s/%d", c.Term, c.Holder, c.Boot, c.Generation)
}

// ParseClaim reads what String wrote, and nothing that means the same. An empty
// text is the zero Claim.
func ParseClaim(text string) (Claim, error) {
	if text == "" {
		return Claim{}, nil
	}
	fail := func(why string) (Claim, error) {
		return Claim{}, fmt.Errorf("claim %q: %s", text, why)
	}
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return fail("want term/holder/boot/generation")
	}
	term, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil {
		return fail("term is not a number")
	}
	holder, err := ParseSide(parts[1])
	if err != nil {
		return fail(err.Error())
	}
	boot, err := ParseBootID(parts[2])
	if err != nil {
		return fail(err.Error())
	}
	gen, err := strconv.ParseUint(parts[3], 10, 64)
	if err != nil {
		return fail("generation is not a number")
	}
	claim := Claim{Term: Term(term), Holder: holder, Boot: boot, Generation: gen}
	if claim.String() != text {
		return fail("a number begins with 0")
	}
	return claim, nil
}
