package store

import (
	"net/netip"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

var vnetKind = new(kind)

func init() {
	register(vnetKind, kind{
		name: "Microsoft.Network/virtualNetworks", class: profile.Network, etag: true, tracked: true, putName: "PutVirtualNetworkOperation",
		accept: acceptVNet, derive: deriveVNet, parse: parseVNet, links: vnetLinks, inUse: vnetInUse,
	})
}

var subnetKind = new(kind)

func init() {
	register(subnetKind, kind{
		name:   "Microsoft.Network/virtualNetworks/subnets",
		inside: &inside{parent: "Microsoft.Network/virtualNetworks", list: "subnets"},
	})
}

// vnetForm is a virtual network as the data plane needs it.
type vnetForm struct {
	space   []netip.Prefix
	subnets []subnetForm
}

type subnetForm struct {
	key, name  string
	prefix     netip.Prefix
	nsg, table string // keys
}

// smallest subnet that Azure allows (azure.md section 5).
const smallestSubnet = 29

func acceptVNet(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	space, e := prefixes(tree.Texts(properties, "addressSpace", "addressPrefixes"))
	if e != nil {
		return e
	}
	if len(space) == 0 {
		return bad("AddressSpaceRequired", "Virtual network %s must have an address space.", w.target.name)
	}
	items, e := prepareItems(w, "subnets", "ipConfigurations", "purpose")
	if e != nil {
		return e
	}
	var seen []subnetForm
	for _, item := range items {
		sub, e := parseSubnet(w.key, item)
		if e != nil {
			return e
		}
		if !insideAny(space, sub.prefix) || sub.prefix.Bits() > smallestSubnet {
			return bad("NetcfgInvalidSubnet", "Subnet '%s' is not valid in virtual network '%s'.", sub.name, w.target.name)
		}
		for _, other := range seen {
			if other.prefix.Overlaps(sub.prefix) {
				return bad("NetcfgSubnetRangesOverlap", "Subnet '%s' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '%s'.", sub.name, w.target.name)
			}
		}
		seen = append(seen, sub)
		for _, id := range []string{tree.Text(item, "properties", "networkSecurityGroup", "id"), tree.Text(item, "properties", "routeTable", "id")} {
			if id == "" {
				continue
			}
			r := s.byKey[strings.ToLower(id)]
			if r == nil {
				return invalidReference(id, w.id+"/subnets/"+sub.name)
			}
			if e := s.provisioned(r, w.id); e != nil {
				return e
			}
		}
	}
	return s.keepsUsedSubnets(w, seen)
}

// keepsUsedSubnets refuses to delete or shrink a subnet that NICs are in.
func (s *Store) keepsUsedSubnets(w *write, now []subnetForm) *Error {
	if w.old == nil {
		return nil
	}
	for _, old := range w.old.form.(*vnetForm).subnets {
		user, n := s.subnetHolders(old.key)
		if n == 0 {
			continue
		}
		same := false
		for _, sub := range now {
			same = same || sub.key == old.key && sub.prefix == old.prefix
		}
		if !same {
			return bad("InUseSubnetCannotBeDeleted",
				"Subnet %s is in use by %s and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.", old.name, user)
		}
	}
	return nil
}

func parseSubnet(vnet string, item tree.Object) (subnetForm, *Error) {
	name := tree.Text(item, "name")
	texts := tree.Texts(item, "properties", "addressPrefixes")
	if one := tree.Text(item, "properties", "addressPrefix"); one != "" {
		texts = append([]string{one}, texts...)
	}
	list, e := prefixes(texts)
	if e != nil {
		return subnetForm{}, e
	}
	if len(list) == 0 {
		return subnetForm{}, bad("NoAddressPrefixOrPoolProvided", "No address prefix or pool has been provided for subnet %s.", name)
	}
	return subnetForm{
		key: vnet + "/subnets/" + strings.ToLower(name), name: name, prefix: list[0],
		nsg:   strings.ToLower(tree.Text(item, "properties", "networkSecurityGroup", "id")),
		table: strings.ToLower(tree.Text(item, "properties", "routeTable", "id")),
	}, nil
}

// prefixes reads IPv4 prefixes without host bits; others are refused.
func prefixes(texts []string) ([]netip.Prefix, *Error) {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil || !p.Addr().Is4() || p != p.Masked() {
			return nil, bad("InvalidCIDRNotation", "The address prefix %s is not an IPv4 network in CIDR notation.", text)
		}
		out = append(out, p)
	}
	return out, nil
}

func insideAny(space []netip.Prefix, p netip.Prefix) bool {
	for _, each := range space {
		if each.Bits() <= p.Bits() && each.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

func parseVNet(_ *Store, r *resource, doc tree.Object) any {
	form := &vnetForm{}
	form.space, _ = prefixes(tree.Texts(doc, "properties", "addressSpace", "addressPrefixes"))
	for _, item := range tree.Objects(doc, "properties", "subnets") {
		if sub, e := parseSubnet(r.key, item); e == nil {
			form.subnets = append(form.subnets, sub)
		}
	}
	return form
}

func deriveVNet(s *Store, r *resource, properties tree.Object) {
	deriveItems(r, properties, "subnets", subnetKind.name, func(item, inner tree.Object) {
		key := r.key + "/subnets/" + strings.ToLower(tree.Text(item, "name"))
		var configs []any
		for _, user := range s.sorted {
			form, ok := user.form.(*nicForm)
			if !ok {
				continue
			}
			for _, config := range form.configs {
				if config.subnet == key {
					configs = append(configs, tree.Object{"id": user.id + "/ipConfigurations/" + config.name})
				}
			}
		}
		if configs != nil {
			inner["ipConfigurations"] = configs
		}
	})
	if properties["enableDdosProtection"] == nil {
		properties["enableDdosProtection"] = false
	}
}

func vnetLinks(doc tree.Object) []link {
	var out []link
	for _, item := range tree.Objects(doc, "properties", "subnets") {
		if id := tree.Text(item, "properties", "networkSecurityGroup", "id"); id != "" {
			out = append(out, link{"Microsoft.Network/networkSecurityGroups/join/action", id})
		}
		if id := tree.Text(item, "properties", "routeTable", "id"); id != "" {
			out = append(out, link{"Microsoft.Network/routeTables/join/action", id})
		}
	}
	return out
}

func vnetInUse(s *Store, r *resource) *Error {
	for _, sub := range r.form.(*vnetForm).subnets {
		if user, n := s.subnetHolders(sub.key); n > 0 {
			return bad("InUseSubnetCannotBeDeleted",
				"Subnet %s is in use by %s and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.", sub.name, user)
		}
	}
	return nil
}

// cutSubnet takes a subnet's key apart.
func cutSubnet(key string) (vnet, name string, ok bool) { return strings.Cut(key, "/subnets/") }

// subnet finds a subnet as the control plane knows it, nil if there is none.
func (s *Store) subnet(key string) *subnetForm {
	_, sub := s.subnetIn(key, func(r *resource) any { return r.form })
	return sub
}

// subnetIn finds a subnet in the form of its network that pick chooses.
func (s *Store) subnetIn(key string, pick func(*resource) any) (*vnetForm, *subnetForm) {
	vnet, _, ok := cutSubnet(key)
	r := s.byKey[vnet]
	if !ok || r == nil {
		return nil, nil
	}
	form, ok := pick(r).(*vnetForm)
	if !ok {
		return nil, nil
	}
	for i := range form.subnets {
		if form.subnets[i].key == key {
			return form, &form.subnets[i]
		}
	}
	return form, nil
}
