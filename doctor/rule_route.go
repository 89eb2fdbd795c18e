package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// routes is A3 and D9: what the site sends to the cloud goes to the floating IP.
func (e *examination) routes() {
	fip := e.Wanted.FloatingIP
	if !fip.IsValid() || e.wrongAddress() || e.Members[0].LAN == nil || !e.VNet.Found {
		return
	}
	lan := e.VNet.Subnet(e.Members[0].LAN.Primary().Subnet)
	if lan == nil {
		return
	}
	led := false
	for i := range e.RouteTables {
		table := &e.RouteTables[i]
		ours := false
		for _, route := range table.Routes {
			if !strings.EqualFold(route.HopType, "VirtualAppliance") || !lan.Prefix.Contains(route.Hop) {
				continue
			}
			ours = true
			e.hop(table, route, fip)
		}
		if !ours {
			continue
		}
		led = true
		if len(table.Subnets) == 0 {
			e.unused(table)
		}
		e.loops(table)
	}
	if !led && len(e.workers()) > 0 {
		e.add(Finding{Code: "route-none", Severity: Warning, What: fmt.Sprintf("no route leads to %s", fip), Where: e.VNet.ID,
			Why:      "nothing of the site goes through the vSockets",
			Remedies: []Remedy{{Person: fmt.Sprintf("make a route table with 0.0.0.0/0 to the virtual appliance %s, and put it on the subnets that shall use the cloud (portal: Route tables > Create)", fip)}}})
	}
}

func (e *examination) hop(table *RouteTable, route Route, fip netip.Addr) {
	if route.Hop == fip {
		return
	}
	path := "properties/routes/" + route.Name + "/properties/nextHopIpAddress"
	for i := range e.Members {
		if m := &e.Members[i]; m.LAN != nil && m.LAN.Primary().Addr == route.Hop {
			e.add(Finding{Code: "route-hop", Severity: Error, Setup: true, What: fmt.Sprintf("route %q leads to %s, the %s's own address", route.Name, route.Hop, m.Side), Where: table.ID,
				Why: "it doesn't follow a failover", Remedies: []Remedy{edit(table.ID, true, path, fip.String())}})
			return
		}
	}
	if !slices.ContainsFunc(e.Taken, func(t TakenAddr) bool { return t.Addr == route.Hop }) {
		e.add(Finding{Code: "route-hop-nobody", Severity: Error, What: fmt.Sprintf("route %q leads to %s, which nobody has", route.Name, route.Hop), Where: table.ID,
			Why: "what takes the route is dropped", Remedies: []Remedy{edit(table.ID, true, path, fip.String())}})
	}
}

func (e *examination) unused(table *RouteTable) {
	f := Finding{Code: "route-unused", Severity: Warning, What: "the route table is on no subnet", Where: table.ID, Why: "its routes to the floating IP lead nobody"}
	for _, s := range e.workers() {
		if s.RouteTable == "" {
			f.Remedies = append(f.Remedies, edit(s.ID, false, "properties/routeTable", map[string]any{"id": table.ID}))
		}
	}
	if len(f.Remedies) != 1 {
		f.Remedies = []Remedy{{Person: "put it on the subnets that shall use the cloud (portal: Route tables > " + table.Name + " > Subnets > Associate), or delete it"}}
	}
	e.add(f)
}

// loops: a vSocket's own traffic to the cloud must not come back to it.
func (e *examination) loops(table *RouteTable) {
	for i := range e.Members {
		for _, n := range []*NIC{e.Members[i].WAN, e.Members[i].MGMT} {
			if n == nil {
				continue
			}
			id := n.Primary().Subnet
			here := slices.ContainsFunc(table.Subnets, func(s string) bool { return SameID(s, id) })
			known := slices.ContainsFunc(e.found, func(f Finding) bool { return f.Code == "route-loop" && SameID(f.Where, id) })
			if here && !known {
				e.add(Finding{Code: "route-loop", Severity: Error, What: "the route table " + table.Name + " is on a subnet of the vSockets' own way out", Where: id,
					Why: "what a vSocket sends to the cloud comes back to it", Remedies: []Remedy{edit(id, true, "properties/routeTable", nil)}})
			}
		}
	}
}

// workers are the subnets in use that aren't the vSockets' own.
func (e *examination) workers() []*Subnet {
	var list []*Subnet
	for i := range e.VNet.Subnets {
		s := &e.VNet.Subnets[i]
		own := false
		for k := range e.Members {
			for _, n := range e.Members[k].NICs() {
				own = own || SameID(n.Primary().Subnet, s.ID)
			}
		}
		if !own && s.Users > 0 {
			list = append(list, s)
		}
	}
	return list
}
