package store

import (
	"net/netip"
	"strings"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var routeTableKind = new(kind)

func init() {
	register(routeTableKind, kind{
		name: "Microsoft.Network/routeTables", class: profile.Routes, etag: true, tracked: true, putName: "PutRouteTableOperation",
		readOnly: []string{"subnets"},
		accept:   acceptRouteTable, derive: deriveRouteTable, parse: parseRouteTable, inUse: routeTableInUse,
	})
}

var routeKind = new(kind)

func init() {
	register(routeKind, kind{
		name:   "Microsoft.Network/routeTables/routes",
		inside: &inside{parent: "Microsoft.Network/routeTables", list: "routes"},
	})
}

// tableForm is a route table as the data plane needs it.
type tableForm struct{ routes []plane.Route }

// nextHops are Azure's kinds of next hop. There is no gateway here: what goes
// to one is dropped.
var nextHops = map[string]plane.NextHop{
	"vnetlocal": plane.VNetLocal, "internet": plane.Internet, "virtualappliance": plane.VirtualAppliance,
	"none": plane.None, "virtualnetworkgateway": plane.None,
}

func acceptRouteTable(_ *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	if properties["disableBgpRoutePropagation"] == nil {
		properties["disableBgpRoutePropagation"] = false
	}
	items, e := prepareItems(w, "routes", "hasBgpOverride")
	if e != nil {
		return e
	}
	seen := map[netip.Prefix]string{}
	for _, item := range items {
		route, e := parseRoute(item)
		if e != nil {
			return e
		}
		if other, taken := seen[route.Prefix]; taken {
			return bad("RouteConflictsWithAnotherRoute", "Route %s conflicts with route %s: both have the address prefix %s.", tree.Text(item, "name"), other, route.Prefix)
		}
		seen[route.Prefix] = tree.Text(item, "name")
	}
	return nil
}

func parseRoute(item tree.Object) (plane.Route, *Error) {
	name := tree.Text(item, "name")
	list, e := prefixes([]string{tree.Text(item, "properties", "addressPrefix")})
	if e != nil {
		return plane.Route{}, e
	}
	hop, known := nextHops[strings.ToLower(tree.Text(item, "properties", "nextHopType"))]
	if !known {
		return plane.Route{}, bad("InvalidNextHopType", "Route %s has an unknown next hop type %q.", name, tree.Text(item, "properties", "nextHopType"))
	}
	route := plane.Route{Prefix: list[0], Hop: hop, User: true}
	via := tree.Text(item, "properties", "nextHopIpAddress")
	if hop != plane.VirtualAppliance {
		if via != "" {
			return plane.Route{}, bad("NextHopIpAddressNotAllowed", "Next hop IP address is allowed only in routes where next hop type is VirtualAppliance: route %s.", name)
		}
		return route, nil
	}
	addr, err := netip.ParseAddr(via)
	if err != nil || !addr.Is4() {
		return plane.Route{}, bad("NextHopIpAddressInvalid", "Route %s needs a next hop IP address, not %q.", name, via)
	}
	route.Via = addr
	return route, nil
}

func parseRouteTable(_ *Store, _ *resource, doc tree.Object) any {
	form := &tableForm{}
	for _, item := range tree.Objects(doc, "properties", "routes") {
		if route, e := parseRoute(item); e == nil {
			form.routes = append(form.routes, route)
		}
	}
	return form
}

// Routed lists the routes of a table as the data plane has them.
func (s *Store) Routed(id string) []plane.Route {
	if r := s.byKey[strings.ToLower(id)]; r != nil {
		if form, ok := r.live.(*tableForm); ok {
			return form.routes
		}
	}
	return nil
}

func deriveRouteTable(s *Store, r *resource, properties tree.Object) {
	deriveItems(r, properties, "routes", routeKind.name, nil)
	if subnets := s.subnetsWith(func(sub *subnetForm) bool { return sub.table == r.key }); subnets != nil {
		properties["subnets"] = subnets
	}
}

func routeTableInUse(s *Store, r *resource) *Error {
	if user := s.user(r.key); user != nil {
		return bad("InUseRouteTableCannotBeDeleted", "Route table %s is in use by %s and cannot be deleted.", r.name, user.id)
	}
	return nil
}
