package doctor

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Guard is a network security group as it stands before a NIC. Its rules are
// Azure's, the default ones included, in any order.
type Guard struct {
	ID    string
	Rules []SecurityRule
}

// SecurityRule is one rule. Ends are prefixes, addresses, service tags, "*", or
// ids of application security groups.
type SecurityRule struct {
	Name                string
	Priority            int
	Inbound, Allow      bool
	Protocol            string // Tcp, Udp, Icmp, *, All
	Source, Destination []string
	Ports               []string // of the destination
}

// packet is what a rule is asked about.
type packet struct {
	inbound            bool
	protocol           string
	source             netip.Addr
	destination        netip.Addr // zero: somewhere that only tags name
	tags               []string   // service tags that the destination is in
	port               uint16
	sourceASGs, toASGs []string
}

// verdict is who stops a packet.
type verdict struct {
	denied      bool
	guard, rule string
}

// pass asks all guards of a NIC. Azure takes the first rule that fits by
// priority; each group must allow ("How network security groups filter network
// traffic").
func (e *examination) pass(n *NIC, p packet) verdict {
	for _, guard := range n.Guards {
		rules := slices.Clone(guard.Rules)
		slices.SortStableFunc(rules, func(a, b SecurityRule) int { return a.Priority - b.Priority })
		for _, rule := range rules {
			if !e.fits(rule, p) {
				continue
			}
			if !rule.Allow {
				return verdict{true, guard.ID, rule.Name}
			}
			break
		}
	}
	return verdict{}
}

func (e *examination) fits(rule SecurityRule, p packet) bool {
	if rule.Inbound != p.inbound {
		return false
	}
	if r := strings.ToLower(rule.Protocol); r != "*" && r != "all" && r != "" && r != strings.ToLower(p.protocol) {
		return false
	}
	if !portFits(rule.Ports, p.port) {
		return false
	}
	return e.endFits(rule.Source, p.source, nil, p.sourceASGs) && e.endFits(rule.Destination, p.destination, p.tags, p.toASGs)
}

func portFits(ports []string, port uint16) bool {
	if len(ports) == 0 {
		return true
	}
	return slices.ContainsFunc(ports, func(text string) bool {
		if text == "*" {
			return true
		}
		low, high, isRange := strings.Cut(text, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 16)
		to, err2 := strconv.ParseUint(high, 10, 16)
		return err1 == nil && err2 == nil && uint16(from) <= port && port <= uint16(to)
	})
}

// endFits: the tags that are judged are those that our own flows meet.
// AzureLoadBalancer and the like never stand for an end of one of them.
func (e *examination) endFits(ends []string, addr netip.Addr, tags, asgs []string) bool {
	return slices.ContainsFunc(ends, func(end string) bool {
		switch {
		case end == "*" || slices.ContainsFunc(tags, func(tag string) bool { return strings.EqualFold(tag, end) }):
			return true
		case strings.EqualFold(end, "VirtualNetwork"):
			return addr.IsValid() && e.inVNet(addr)
		case strings.EqualFold(end, "Internet"):
			return !addr.IsValid() || !e.inVNet(addr)
		case strings.HasPrefix(end, "/"):
			return slices.ContainsFunc(asgs, func(asg string) bool { return SameID(asg, end) })
		}
		if prefix, err := netip.ParsePrefix(end); err == nil { // effective rules have 0.0.0.0/0 for *
			return prefix.Bits() == 0 || addr.IsValid() && prefix.Contains(addr)
		}
		one, err := netip.ParseAddr(end)
		return err == nil && one == addr
	})
}

func (e *examination) inVNet(addr netip.Addr) bool {
	return slices.ContainsFunc(e.VNet.Space, func(p netip.Prefix) bool { return p.Contains(addr) })
}
