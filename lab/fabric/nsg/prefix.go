package nsg

import (
	"net/netip"

	"releve.dev/releve/lab/fabric/frame"
)

// PrefixFrom turns an IPv4 prefix into a Prefix; false for any other.
func PrefixFrom(p netip.Prefix) (Prefix, bool) {
	if !p.IsValid() || !p.Addr().Is4() {
		return Prefix{}, false
	}
	mask := ^frame.Addr(0)
	if p.Bits() < 32 {
		mask = ^(mask >> p.Bits())
	}
	return Prefix{addr: frame.FromNetip(p.Addr()) & mask, mask: mask}, true
}

// Contains reports whether a is in p.
func (p Prefix) Contains(a frame.Addr) bool { return a&p.mask == p.addr }

// prefixes keeps the difference between no list (any address) and a list of
// which nothing is IPv4 (no address).
func prefixes(list []netip.Prefix) []Prefix {
	if len(list) == 0 {
		return nil
	}
	out := make([]Prefix, 0, len(list))
	for _, p := range list {
		if c, ok := PrefixFrom(p); ok {
			out = append(out, c)
		}
	}
	return out
}
