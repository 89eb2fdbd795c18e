// Package routes leads what leaves a vSocket to the right interface, where the
// guest's own routes don't. Azure's DHCP gives each NIC a default route, and the
// first NIC's counts for everything: with MGMT first, the tunnel's datagrams and the
// site's traffic would leave by MGMT, where Azure drops what is forwarded.
//
// All is done by rules and tables of our own. The main table is left alone: it is
// the DHCP client's.
//
//	iif LAN             the WAN, unless the tunnel takes it (vsocket/tunnel)
//	iif WAN, iif tunnel the LAN: hosts of the VNet are behind its gateway
//	from MGMT's address MGMT: ARM, DNS and the channel leave by it (C3)
//	from WAN's address  the WAN
//	from LAN's subnet   the LAN, also with the floating IP as source
//	to a PoP            the WAN, before a source is chosen
//
// The last four are for what this host itself sends.
package routes

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/site"
)

// Leg is an interface, and its own address with the subnet's length. Its gateway is
// the subnet's first address, as everywhere in Azure.
type Leg struct {
	Name    string
	Address netip.Prefix
}

// Want is how it shall be. The zero value takes all away.
type Want struct {
	WAN, LAN, MGMT Leg
	Tunnel         string       // what comes by it is for the LAN; "": there is none, and what comes by the LAN is for the WAN
	Outside        []netip.Addr // of PoPs: reached by the WAN
}

// Our tables and the places of our rules: beside the tunnel's (20480), before the
// main table's (32766).
const (
	tableWAN = 20481 + iota
	tableLAN
	tableMGMT
	first = 20481
	last  = 20499
)

// self is the interface that the kernel takes what this host sends as coming in by.
const self = "lo"

// Settle puts right what isn't as it should be; what is, isn't touched.
func Settle(want Want) error {
	var errs []error
	if want.WAN.Name != "" {
		for table, leg := range map[int]Leg{tableWAN: want.WAN, tableLAN: want.LAN, tableMGMT: want.MGMT} {
			errs = append(errs, lead(table, leg))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err // a rule that leads to an empty table leads on to the main one
	}
	return settleRules(rules(want))
}

// lead makes a leg's table: its subnet, and all else by its gateway.
func lead(table int, leg Leg) error {
	link, err := netlink.LinkByName(leg.Name)
	if err != nil {
		return fmt.Errorf("interface %q: %w", leg.Name, err)
	}
	own := leg.Address.Addr().AsSlice()
	for _, route := range [...]netlink.Route{
		{Dst: network(leg.Address.Masked()), Scope: netlink.SCOPE_LINK},
		{Dst: network(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), Gw: site.Gateway(leg.Address).AsSlice()},
	} {
		route.Table, route.LinkIndex, route.Src, route.Protocol = table, link.Attrs().Index, own, unix.RTPROT_STATIC
		if err := netlink.RouteReplace(&route); err != nil {
			return fmt.Errorf("route %s by %s: %w", route.Dst, leg.Name, err)
		}
	}
	return nil
}

func rules(want Want) []netlink.Rule {
	if want.WAN.Name == "" {
		return nil
	}
	var list []netlink.Rule
	add := func(table int, change func(*netlink.Rule)) {
		rule := netlink.NewRule()
		rule.Family, rule.Table, rule.Priority = netlink.FAMILY_V4, table, first+len(list)
		change(rule)
		list = append(list, *rule)
	}
	iif := func(name string) func(*netlink.Rule) { return func(r *netlink.Rule) { r.IifName = name } }
	from := func(prefix netip.Prefix) func(*netlink.Rule) {
		return func(r *netlink.Rule) { r.IifName, r.Src = self, network(prefix) }
	}
	if want.Tunnel == "" {
		add(tableWAN, iif(want.LAN.Name))
	} else {
		add(tableLAN, iif(want.Tunnel))
	}
	add(tableLAN, iif(want.WAN.Name))
	add(tableMGMT, from(alone(want.MGMT.Address.Addr())))
	add(tableWAN, from(alone(want.WAN.Address.Addr())))
	add(tableLAN, from(want.LAN.Address.Masked()))
	for _, addr := range want.Outside[:min(len(want.Outside), last-first-len(list))] {
		add(tableWAN, func(r *netlink.Rule) { r.IifName, r.Dst = self, network(alone(addr)) })
	}
	return list
}

// settleRules adds what is missing before it takes away what is there besides.
func settleRules(want []netlink.Rule) error {
	present, err := whole(func() ([]netlink.Rule, error) { return netlink.RuleList(netlink.FAMILY_V4) })
	if err != nil {
		return fmt.Errorf("routing rules: %w", err)
	}
	var errs []error
	for _, rule := range want {
		if !slices.ContainsFunc(present, func(p netlink.Rule) bool { return same(p, rule) }) {
			if err := netlink.RuleAdd(&rule); err != nil {
				errs = append(errs, fmt.Errorf("rule %s: %w\nhint: the kernel needs policy routing (CONFIG_IP_MULTIPLE_TABLES)", rule, err))
			}
		}
	}
	for _, rule := range present {
		ours := rule.Priority >= first && rule.Priority <= last
		if ours && !slices.ContainsFunc(want, func(w netlink.Rule) bool { return same(rule, w) }) {
			if err := netlink.RuleDel(&rule); err != nil && !errors.Is(err, unix.ENOENT) {
				errs = append(errs, fmt.Errorf("removing the rule %s: %w", rule, err))
			}
		}
	}
	return errors.Join(errs...)
}

func same(a, b netlink.Rule) bool {
	return a.Priority == b.Priority && a.Table == b.Table && a.IifName == b.IifName && a.OifName == b.OifName &&
		text(a.Src) == text(b.Src) && text(a.Dst) == text(b.Dst)
}

func text(n *net.IPNet) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// whole asks again for a list that changed while the kernel told it.
func whole[T any](list func() ([]T, error)) (all []T, err error) {
	for range 10 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

func alone(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
