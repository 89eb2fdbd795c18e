package site

import (
	"net/netip"
)

// Addressing is all that a site's addresses are judged by (E6).
type Addressing struct {
	Native     netip.Prefix // the Azure LAN subnet
	Primary    netip.Addr   // LAN IP of the primary vSocket
	Secondary  netip.Addr   // LAN IP of the secondary; zero: there is none
	FloatingIP netip.Addr   // zero: no high availability
	Ranges     []Range
}

// Range is a routed range: what lies behind the site's LAN.
type Range struct {
	Name    string
	Prefix  netip.Prefix
	Gateway netip.Addr // a third-party appliance; zero: the Azure default router (E8)
}

// Fault is one breach of a rule.
type Fault struct {
	Field   string // which input: native, primary_ip, secondary_ip, floating_ip, ranges.<name>.prefix, ranges.<name>.gateway, ranges.<name>.name
	Rule    string // a constant, for programs
	Message string // names the rule and the address, for people
}

// Check says what is wrong with a site's addresses; nothing: nil.
func (a Addressing) Check() []Fault { return nil }
