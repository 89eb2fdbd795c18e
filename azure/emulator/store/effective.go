package store

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/site"
)

// effective lets a NIC's POST show what holds at it, which Azure knows of NICs
// of running VMs only.
func effective(name string, show func(*Store, *resource) []any) func(*Store, *call, *resource) Response {
	return func(s *Store, c *call, r *resource) Response {
		if vm, _ := s.vmOf(r.key); vm == nil || vm.extra["power"] != string(PowerRunning) {
			return bad("NetworkInterfaceNotAttachedToRunningVirtualMachine",
				"Network interface %s must be attached to a running virtual machine.", r.id).response()
		}
		var value []any
		if value = show(s, r); value == nil {
			value = []any{}
		}
		return s.look(c, r, name, profile.Network, tree.Object{"value": value})
	}
}

var hopNames = map[plane.NextHop]string{plane.VNetLocal: "VnetLocal", plane.Internet: "Internet", plane.VirtualAppliance: "VirtualAppliance", plane.None: "None"}

// effectiveRouteTable is what holds in the NIC's subnet: the user's routes, and
// Azure's own, Invalid where a user's route has the same prefix.
func effectiveRouteTable(s *Store, r *resource) (out []any) {
	vnet, sub := s.subnetIn(r.form.(*nicForm).configs[0].subnet, liveForm)
	if sub == nil {
		return nil
	}
	routes := s.effectiveRoutes(vnet, sub)
	users := s.routeNames(sub.table)
	for _, route := range routes {
		item := tree.Object{"source": "Default", "state": "Active", "addressPrefix": []any{route.Prefix.String()}, "nextHopType": hopNames[route.Hop],
			"nextHopIpAddress": []any{}, "disableBgpRoutePropagation": false}
		if route.User {
			item["source"], item["name"] = "User", users[route.Prefix]
		} else if _, hidden := users[route.Prefix]; hidden {
			item["state"] = "Invalid"
		}
		if route.Via.IsValid() {
			item["nextHopIpAddress"] = []any{route.Via.String()}
		}
		out = append(out, item)
	}
	return out
}

// routeNames are the names of a table's routes, by prefix.
func (s *Store) routeNames(table string) map[netip.Prefix]string {
	names := map[netip.Prefix]string{}
	r := s.byKey[table]
	if r == nil {
		return names
	}
	for _, item := range tree.Objects(r.doc, "properties", "routes") {
		if route, e := parseRoute(item); e == nil {
			names[route.Prefix] = tree.Text(item, "name")
		}
	}
	return names
}

// effectiveGroups are the security groups of the NIC's subnet and of the NIC,
// with what tags and application security groups stand for there.
func effectiveGroups(s *Store, r *resource) (out []any) {
	form := r.form.(*nicForm)
	vnet, sub := s.subnetIn(form.configs[0].subnet, liveForm)
	if sub == nil {
		return nil
	}
	tags, asgs := serviceTags(vnet, s.effectiveRoutes(vnet, sub)), s.groupMembers()
	for _, each := range []struct {
		key, what, id string
	}{{sub.nsg, "subnet", s.subnetID(sub.key)}, {form.nsg, "networkInterface", r.id}} {
		group := s.byKey[each.key]
		if group == nil {
			continue
		}
		live, ok := group.live.(*nsgForm)
		if !ok {
			continue
		}
		rules := []any{}
		for _, rule := range live.inbound {
			rules = append(rules, effectiveRule(rule, "Inbound", tags, asgs))
		}
		for _, rule := range live.outbound {
			rules = append(rules, effectiveRule(rule, "Outbound", tags, asgs))
		}
		out = append(out, tree.Object{"networkSecurityGroup": tree.Object{"id": group.id},
			"association": tree.Object{each.what: tree.Object{"id": each.id}}, "effectiveSecurityRules": rules})
	}
	return out
}

// subnetID is a subnet's id as its network shows it.
func (s *Store) subnetID(key string) string {
	vnet, name, _ := cutSubnet(key)
	r := s.byKey[vnet]
	if r == nil {
		return key
	}
	for _, sub := range r.form.(*vnetForm).subnets {
		if strings.EqualFold(sub.name, name) {
			name = sub.name
		}
	}
	return r.id + "/subnets/" + name
}

var protocolNames = map[uint8]string{0: "All", 6: "Tcp", 17: "Udp", 1: "Icmp", 50: "Esp", 51: "Ah"}

func effectiveRule(rule ruleForm, direction string, tags, asgs map[string][]netip.Prefix) tree.Object {
	prefix := "securityRules/"
	if rule.priority > highestPriority {
		prefix = "defaultSecurityRules/"
	}
	access := "Deny"
	if rule.allow {
		access = "Allow"
	}
	o := tree.Object{"name": prefix + rule.name, "protocol": protocolNames[rule.proto], "access": access, "direction": direction, "priority": number(rule.priority)}
	effectiveEnd(o, "source", rule.src, rule.srcASG, rule.srcPorts, tags, asgs)
	effectiveEnd(o, "destination", rule.dst, rule.dstASG, rule.dstPorts, tags, asgs)
	return o
}

func effectiveEnd(o tree.Object, end string, texts, groups []string, ports []plane.PortRange, tags, asgs map[string][]netip.Prefix) {
	ranges := []any{}
	for _, p := range ports {
		ranges = append(ranges, fmt.Sprintf("%d-%d", p.From, p.To))
	}
	if len(ranges) == 0 {
		ranges = []any{"0-65535"}
	}
	o[end+"PortRange"], o[end+"PortRanges"] = ranges[0], ranges
	prefixes, expanded := []any{}, []any{}
	for _, text := range texts {
		if text == "*" {
			text = "0.0.0.0/0"
		}
		prefixes = append(prefixes, text)
		for _, p := range tags[strings.ToLower(text)] {
			expanded = append(expanded, p.String())
		}
	}
	for _, key := range groups {
		for _, p := range asgs[key] {
			prefixes = append(prefixes, p.String())
		}
	}
	if len(prefixes) > 0 {
		o[end+"AddressPrefix"] = prefixes[0]
	}
	o[end+"AddressPrefixes"] = prefixes
	name := "expanded" + strings.ToUpper(end[:1]) + end[1:] + "AddressPrefix"
	if len(expanded) > 0 {
		o[name] = expanded
	}
}

var availabilityKind = new(kind)

func init() {
	register(availabilityKind, kind{name: "Microsoft.Network/virtualNetworks/CheckIPAddressAvailability", serve: serveAvailability})
}

// maxSuggested is how many free addresses Azure suggests.
const maxSuggested = 5

// serveAvailability is "Virtual Networks - Check IP Address Availability".
func serveAvailability(s *Store, c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || r.kind != vnetKind {
		return s.missing(c.target).response()
	}
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	addr, err := netip.ParseAddr(c.target.ipAddress)
	if err != nil {
		return bad("InvalidIPAddressFormat", "IP address %s is not a valid IPv4 address.", c.target.ipAddress).response()
	}
	for _, sub := range r.form.(*vnetForm).subnets {
		if !sub.prefix.Contains(addr) {
			continue
		}
		_, used := s.allocs[sub.key][addr]
		reserved := site.CheckHostAddress(sub.prefix, addr) != nil
		body := tree.Object{"available": !used && !reserved}
		if reserved {
			body["isPlatformReserved"] = true
		}
		if used || reserved {
			body["availableIPAddresses"] = s.freeAddresses(&sub)
		}
		return Response{Status: http.StatusOK, Body: tree.Render(body)}
	}
	return bad("PrivateIPAddressNotInAnySubnet", "Private static IP address %s does not belong to the range of any subnet in virtual network %s.", addr, r.id).response()
}

func (s *Store) freeAddresses(sub *subnetForm) []any {
	free := []any{}
	for addr := sub.prefix.Addr(); sub.prefix.Contains(addr) && len(free) < maxSuggested; addr = addr.Next() {
		if _, used := s.allocs[sub.key][addr]; !used && site.CheckHostAddress(sub.prefix, addr) == nil {
			free = append(free, addr.String())
		}
	}
	return slices.Clip(free)
}
