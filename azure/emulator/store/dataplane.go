package store

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/plane"
)

// Plane is the data plane as it is now. It is made anew only after a change.
func (s *Store) Plane() *plane.Plane {
	if !s.planeStale && s.plane != nil {
		return s.plane
	}
	s.version++
	s.planeStale = false
	p := &plane.Plane{Version: s.version}
	attached := map[string]string{}
	for _, r := range s.sorted {
		if form, ok := r.form.(*vmForm); ok {
			for _, nic := range form.nics {
				attached[nic] = r.key
			}
		}
	}
	asgs := s.groupMembers()
	for _, r := range s.sorted {
		form, ok := r.live.(*nicForm)
		if !ok || r.kind != nicKind {
			continue
		}
		p.NICs = append(p.NICs, s.planeNIC(r, form, attached[r.key], asgs))
	}
	s.plane = p
	return p
}

// Delivered lists the NICs that the data plane brings an address to: what Plane
// says of them, without all the rest.
func (s *Store) Delivered(addr netip.Addr) (ids []string) {
	for _, r := range s.sorted {
		if form, ok := r.live.(*nicForm); ok && form.has(addr) {
			ids = append(ids, r.key)
		}
	}
	return ids
}

// PlaneChanged reports whether Plane would return another one than before.
func (s *Store) PlaneChanged() bool { return s.planeStale || s.plane == nil }

func liveForm(r *resource) any { return r.live }

func (s *Store) planeNIC(r *resource, form *nicForm, vm string, asgs map[string][]netip.Prefix) plane.NIC {
	n := plane.NIC{ID: r.key, Name: r.name, VM: vm, Forwarding: form.forwarding, Public: map[netip.Addr]netip.Addr{}}
	n.MAC, _ = net.ParseMAC(strings.ReplaceAll(r.extra["mac"], "-", ":"))
	var vnet *vnetForm
	var sub *subnetForm
	if want, ok := r.form.(*nicForm); ok && len(want.configs) > 0 {
		vnet, sub = s.subnetIn(want.configs[0].subnet, liveForm)
	}
	for _, c := range form.configs {
		if !c.addr.IsValid() {
			continue
		}
		n.Addrs = append(n.Addrs, c.addr)
		if public := s.byKey[c.public]; public != nil {
			if f, ok := public.live.(*publicForm); ok {
				n.Public[c.addr] = f.addr
			}
		}
	}
	if sub == nil {
		return n
	}
	n.VNet, _, _ = cutSubnet(sub.key)
	n.VNetSpace, n.Subnet = vnet.space, sub.prefix
	n.Routes = s.effectiveRoutes(vnet, sub)
	tags := serviceTags(vnet, n.Routes)
	for _, key := range []string{sub.nsg, form.nsg} {
		if key == "" {
			continue
		}
		group := s.byKey[key]
		if group == nil {
			continue
		}
		if f, ok := group.live.(*nsgForm); ok {
			n.Inbound = append(n.Inbound, plane.NSG{ID: key, Rules: resolve(f.inbound, tags, asgs)})
			n.Outbound = append(n.Outbound, plane.NSG{ID: key, Rules: resolve(f.outbound, tags, asgs)})
		}
	}
	return n
}

// systemDrops are the prefixes that Azure's system routes drop unless the
// network's own space or a user's route is more specific or equal.
var systemDrops = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
}

var everything = netip.MustParsePrefix("0.0.0.0/0")

// effectiveRoutes are a subnet's routes, most specific first; of equal ones
// the user's before the network's before Azure's own.
func (s *Store) effectiveRoutes(vnet *vnetForm, sub *subnetForm) []plane.Route {
	var routes []plane.Route
	if table := s.byKey[sub.table]; table != nil {
		if f, ok := table.live.(*tableForm); ok {
			routes = append(routes, f.routes...)
		}
	}
	for _, p := range vnet.space {
		routes = append(routes, plane.Route{Prefix: p, Hop: plane.VNetLocal})
	}
	for _, p := range systemDrops {
		if !slices.Contains(vnet.space, p) {
			routes = append(routes, plane.Route{Prefix: p, Hop: plane.None})
		}
	}
	routes = append(routes, plane.Route{Prefix: everything, Hop: plane.Internet})
	slices.SortStableFunc(routes, func(a, b plane.Route) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	return routes
}

// azureHost is the platform's address for DNS, DHCP and load balancer probes.
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// serviceTags are the prefixes that the tags stand for at a NIC. VirtualNetwork
// includes the prefixes of user-defined routes (Azure's "service tags" page),
// Internet is what is outside the network and not private.
func serviceTags(vnet *vnetForm, routes []plane.Route) map[string][]netip.Prefix {
	network := append(slices.Clone(vnet.space), azureHost)
	for _, r := range routes {
		if r.User {
			network = append(network, r.Prefix)
		}
	}
	outside := []netip.Prefix{everything}
	for _, p := range slices.Concat(vnet.space, systemDrops, []netip.Prefix{azureHost}) {
		outside = subtract(outside, p)
	}
	return map[string][]netip.Prefix{"virtualnetwork": network, "internet": outside, "azureloadbalancer": {azureHost}}
}

// subtract takes p out of a list of prefixes.
func subtract(list []netip.Prefix, p netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, each := range list {
		out = append(out, without(each, p)...)
	}
	return out
}

func without(whole, p netip.Prefix) []netip.Prefix {
	switch {
	case !whole.Overlaps(p):
		return []netip.Prefix{whole}
	case p.Bits() <= whole.Bits():
		return nil
	}
	low := netip.PrefixFrom(whole.Addr(), whole.Bits()+1)
	b := whole.Addr().As4()
	b[whole.Bits()/8] |= 0x80 >> (whole.Bits() % 8)
	high := netip.PrefixFrom(netip.AddrFrom4(b), whole.Bits()+1)
	return append(without(low, p), without(high, p)...)
}

// groupMembers are the addresses in each application security group.
func (s *Store) groupMembers() map[string][]netip.Prefix {
	members := map[string][]netip.Prefix{}
	for _, r := range s.sorted {
		form, ok := r.live.(*nicForm)
		if !ok {
			continue
		}
		for _, c := range form.configs {
			for _, asg := range c.asgs {
				members[asg] = append(members[asg], netip.PrefixFrom(c.addr, 32))
			}
		}
	}
	return members
}

// resolve turns tags and groups into prefixes. A rule of which an end stands
// for nothing here (an empty group, a tag that the emulator doesn't know)
// matches nothing and is left out.
func resolve(rules []ruleForm, tags, asgs map[string][]netip.Prefix) []plane.Rule {
	out := make([]plane.Rule, 0, len(rules))
	for i := range rules {
		f := &rules[i]
		src, ok1 := resolveEnds(f.src, f.srcASG, tags, asgs)
		dst, ok2 := resolveEnds(f.dst, f.dstASG, tags, asgs)
		if !ok1 || !ok2 {
			continue
		}
		out = append(out, plane.Rule{Name: f.name, Priority: f.priority, Allow: f.allow, Proto: f.proto,
			Src: src, Dst: dst, SrcPorts: f.srcPorts, DstPorts: f.dstPorts})
	}
	return out
}

// resolveEnds is nil and true for "any".
func resolveEnds(texts, groups []string, tags, asgs map[string][]netip.Prefix) ([]netip.Prefix, bool) {
	var out []netip.Prefix
	for _, text := range texts {
		if text == "*" || strings.EqualFold(text, "Any") || text == "0.0.0.0/0" {
			return nil, true
		}
		if p, ok := addressOrPrefix(text); ok {
			out = append(out, p)
			continue
		}
		out = append(out, tags[strings.ToLower(text)]...)
	}
	for _, key := range groups {
		out = append(out, asgs[key]...)
	}
	return out, len(out) > 0
}
