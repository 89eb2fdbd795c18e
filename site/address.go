package site

import (
	"net/netip"
)

// Overlay is where addresses inside the tunnels are from; no site may use it.
var Overlay = netip.MustParsePrefix("100.64.0.0/10")

// witnesses are the addresses of PoPs' witnesses inside the tunnels.
var witnesses = netip.MustParsePrefix("100.64.0.0/24")

// MostSites is how many sites have numbers with addresses inside the tunnels.
const MostSites = (1<<22-256)/2 - 2

// TunnelAddress is a vSocket's own inside its tunnels: two a site, made from the
// site's number (docs/decisions/0009-settings-from-the-manager.md). It is zero for
// a number that has none.
func TunnelAddress(siteNumber uint64, side Side) netip.Addr {
	if siteNumber == 0 || siteNumber > MostSites || side == NoSide {
		return netip.Addr{}
	}
	return address(number(Last(witnesses)) + 1 + 2*siteNumber + uint64(side-Primary))
}

// CheckHostAddress says why addr cannot be given to an interface in an Azure
// subnet, as a *Fault without a field, or returns nil. Azure keeps the first
// four addresses and the last of each subnet to itself (requirement E6; azure.md
// section 5).
func CheckHostAddress(subnet netip.Prefix, addr netip.Addr) error {
	subnet = subnet.Masked()
	if !addr.Is4() || !subnet.Addr().Is4() {
		return fault(RuleIPv4, "address %s: only IPv4 is supported", addr)
	}
	if !subnet.Contains(addr) {
		return fault(RuleOutside, "address %s is outside the subnet %s", addr, subnet)
	}
	offset := number(addr) - number(subnet.Addr())
	size := uint64(1) << (32 - subnet.Bits())
	if offset < 4 || offset == size-1 {
		return fault(RuleReserved, "address %s is reserved by Azure (the first four and the last address of %s)", addr, subnet)
	}
	return nil
}

// Gateway is the address of the Azure default router: the first host address
// of the subnet (E8).
func Gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// Last is the highest address of an IPv4 prefix.
func Last(p netip.Prefix) netip.Addr {
	return address(number(p.Masked().Addr()) + 1<<(32-p.Bits()) - 1)
}

func address(n uint64) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

func number(a netip.Addr) uint64 {
	b := a.As4()
	return uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
}
