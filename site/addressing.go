package site

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Check says all that is wrong with a site's addresses; nothing: nil. A wrong
// native range is told alone, because the rest is judged by it.
func (a Addressing) Check() []Fault {
	var c checker
	if !c.prefix("native", "native range", a.Native, 2, 29) {
		return c.faults
	}
	c.vsockets(a)
	for i, r := range a.Ranges {
		c.routed(a, i, r)
	}
	return c.faults
}

// checker collects faults.
type checker struct{ faults []Fault }

func (c *checker) add(field string, r Rule, format string, args ...any) {
	f := fault(r, format, args...)
	f.Field = field
	c.faults = append(c.faults, *f)
}

// special is what no site can have: RFC 6890's, what Azure's VNets refuse, the
// address of Azure's own services, and what our tunnels use.
var special = []struct {
	prefix netip.Prefix
	is     string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("168.63.129.16/32"), "Azure's DNS and health probes"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved by IANA"},
	{Overlay, "used inside the tunnels"},
}

// prefix checks a prefix by itself.
func (c *checker) prefix(field, what string, p netip.Prefix, least, most int) bool {
	switch {
	case !p.IsValid():
		c.add(field, RuleIPv4, "%s is missing, or no prefix such as 10.0.2.0/24", what)
	case !p.Addr().Is4():
		c.add(field, RuleIPv4, "%s %s: only IPv4 is supported", what, p)
	case p.Masked() != p:
		c.add(field, RuleHostBits, "%s %s has host bits set: is %s meant?", what, p, p.Masked())
	case p.Bits() < least || p.Bits() > most:
		c.add(field, RuleSize, "%s %s: a prefix of /%d to /%d is wanted", what, p, least, most)
	default:
		for _, s := range special {
			if p.Overlaps(s.prefix) {
				c.add(field, RuleSpecial, "%s %s overlaps %s (%s)", what, p, s.prefix, s.is)
				return false
			}
		}
		return true
	}
	return false
}

// host checks an address in the native range.
func (c *checker) host(field, what string, native netip.Prefix, addr netip.Addr) bool {
	if !addr.IsValid() {
		c.add(field, RuleIPv4, "%s is missing", what)
		return false
	}
	var f *Fault
	if errors.As(CheckHostAddress(native, addr), &f) {
		c.add(field, f.Rule, "%s: %s", what, f.Message)
		return false
	}
	return true
}

// vsockets checks the two and what they share.
func (c *checker) vsockets(a Addressing) {
	c.host("primary_ip", "LAN IP of the primary", a.Native, a.Primary)
	if !a.Secondary.IsValid() && !a.FloatingIP.IsValid() {
		return
	}
	switch {
	case !a.Secondary.IsValid():
		c.add("secondary_ip", RuleTogether, "a floating IP (%s) needs a secondary vSocket's LAN IP", a.FloatingIP)
		return
	case !a.FloatingIP.IsValid():
		c.add("floating_ip", RuleTogether, "a secondary vSocket (%s) needs a floating IP", a.Secondary)
		return
	}
	if c.host("secondary_ip", "LAN IP of the secondary", a.Native, a.Secondary) && a.Secondary == a.Primary {
		c.add("secondary_ip", RuleDuplicate, "LAN IP of the secondary: %s is the primary's", a.Secondary)
	}
	if !c.host("floating_ip", "floating IP", a.Native, a.FloatingIP) {
		return
	}
	for _, own := range []struct {
		of   string
		addr netip.Addr
	}{{"primary", a.Primary}, {"secondary", a.Secondary}} {
		if a.FloatingIP == own.addr {
			c.add("floating_ip", RuleManagement, "floating IP %s is the management IP of the %s: it must be an address of its own", a.FloatingIP, own.of)
		}
	}
}

// routed checks a range, against the native range and those before it.
//
// A range may contain another, or the native range: the most specific wins, as
// with a VNet's 10.0.0.0/16 around its LAN subnet 10.0.2.0/24. It may not be
// inside the native range: those hosts are reached on the subnet itself, and a
// more specific route would take the floating IP's neighbours away through a
// gateway. Nor may it be equal to another, since nothing would say which wins.
func (c *checker) routed(a Addressing, i int, r Range) {
	field := func(of string) string { return fmt.Sprintf("ranges[%d].%s", i, of) }
	if why := CheckName(r.Name); why != "" {
		c.add(field("name"), RuleName, "name of the range %s: %s", r.Prefix, why)
	} else if slices.ContainsFunc(a.Ranges[:i], func(o Range) bool { return strings.EqualFold(o.Name, r.Name) }) {
		c.add(field("name"), RuleDuplicate, "range %q: the name is used twice", r.Name)
	}
	what := fmt.Sprintf("range %q", r.Name)
	if c.prefix(field("prefix"), what, r.Prefix, 1, 30) {
		c.place(field("prefix"), what, a, i, r)
	}
	if r.Gateway.IsValid() {
		c.gateway(field("gateway"), what, a, r.Gateway)
	}
}

// place checks where a range lies among the others.
func (c *checker) place(field, what string, a Addressing, i int, r Range) {
	if r.Prefix.Bits() >= a.Native.Bits() && a.Native.Overlaps(r.Prefix) {
		c.add(field, RuleInside, "%s: %s is inside the native range %s, whose hosts are reached without a gateway", what, r.Prefix, a.Native)
	}
	for _, o := range a.Ranges[:i] {
		if o.Prefix == r.Prefix {
			c.add(field, RuleDuplicate, "%s: %s is the range %q already", what, r.Prefix, o.Name)
		}
	}
}

// gateway checks a third-party appliance's address (E8).
func (c *checker) gateway(field, what string, a Addressing, addr netip.Addr) {
	if addr == Gateway(a.Native) {
		c.add(field, RuleRouter, "%s: %s is the Azure default router: leave the gateway out to mean it", what, addr)
		return
	}
	if !c.host(field, what+": next hop", a.Native, addr) {
		return
	}
	for _, own := range []struct {
		of   string
		addr netip.Addr
	}{{"the primary's LAN IP", a.Primary}, {"the secondary's LAN IP", a.Secondary}, {"the floating IP", a.FloatingIP}} {
		if addr == own.addr {
			c.add(field, RuleOwn, "%s: next hop %s is %s; a third-party appliance has an address of its own", what, addr, own.of)
		}
	}
}

// CheckName says what is wrong with a name that people give, or "".
func CheckName(name string) string {
	switch {
	case name == "":
		return "a name is missing"
	case !utf8.ValidString(name):
		return "not valid UTF-8"
	case utf8.RuneCountInString(name) > 64:
		return "more than 64 characters"
	case strings.TrimSpace(name) != name:
		return "begins or ends with a space"
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has a character that can't be shown"
	}
	return ""
}

// Owned is a prefix of another site of the same account.
type Owned struct {
	Site   string // its name
	Range  string // "": the native range
	Prefix netip.Prefix
}

// CheckOthers says where a site's prefixes overlap those of other sites: an
// address belongs to one site, or the cloud would send its packets to now one,
// now the other.
func (a Addressing) CheckOthers(others []Owned) []Fault {
	var c checker
	against := func(field, what string, p netip.Prefix) {
		for _, o := range others {
			if !p.Overlaps(o.Prefix) {
				continue
			}
			of := "the native range"
			if o.Range != "" {
				of = fmt.Sprintf("the range %q", o.Range)
			}
			c.add(field, RuleOverlap, "%s %s overlaps %s, %s of the site %q", what, p, o.Prefix, of, o.Site)
		}
	}
	against("native", "native range", a.Native)
	for i, r := range a.Ranges {
		against(fmt.Sprintf("ranges[%d].prefix", i), fmt.Sprintf("range %q", r.Name), r.Prefix)
	}
	return c.faults
}
