package sitetest

import (
	"fmt"

	"releve.dev/releve/site"
)

// Resources lists the site in the order in which it can be put.
func (l Layout) Resources() []Resource {
	list := []Resource{
		resource(l.GroupID(Group), object{"location": Location, "tags": object{"owner": "network-team"}}),
		resource(l.GroupID(NetworkGroup), object{"location": Location}),
		resource(l.ASGID(), object{"location": Location}),
		resource(l.ForeignID(), object{"location": Location, "tags": object{"owner": "backup-team"}}),
	}
	for _, iface := range Interfaces {
		list = append(list, resource(l.NSGID(iface), object{"location": Location, "properties": object{"securityRules": rules(iface)}}))
	}
	list = append(list, l.routes(), l.virtualNetwork())
	if !l.Zones {
		list = append(list, resource(l.setID(), object{"location": Location, "sku": object{"name": "Aligned"},
			"properties": object{"platformFaultDomainCount": 2, "platformUpdateDomainCount": 2}}))
	}
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		list = append(list, l.vsocket(side)...)
	}
	return append(list, l.vm1()...)
}

// rules let the site's traffic through the LAN; the default rules know the VNet alone.
func rules(iface string) []any {
	if iface != LAN {
		return []any{}
	}
	rule := func(name, direction, from, to string) object {
		return object{"name": name, "properties": object{"priority": 100, "direction": direction, "access": "Allow", "protocol": "*",
			"sourceAddressPrefix": from, "sourcePortRange": "*", "destinationAddressPrefix": to, "destinationPortRange": "*"}}
	}
	return []any{rule("from-site", "Inbound", Space.String(), "*"), rule("to-site", "Outbound", "*", Space.String())}
}

// routes has entries that lead to the primary's LAN address, one that leads
// elsewhere, and one of another kind.
func (l Layout) routes() Resource {
	route := func(name, prefix, kind, via string) object {
		properties := object{"addressPrefix": prefix, "nextHopType": kind, "futureWeight": 7}
		if via != "" {
			properties["nextHopIpAddress"] = via
		}
		return object{"name": name, "properties": properties}
	}
	primary := Addr(site.Primary, LAN).String()
	return resource(l.RouteTableID(), object{"location": Location, "tags": object{"owner": "network-team"},
		"properties": object{"disableBgpRoutePropagation": true, "futureFlag": "kept", "routes": []any{
			route("to-cloud", "0.0.0.0/0", "VirtualAppliance", primary),
			route("to-sites", "10.103.0.0/16", "VirtualAppliance", primary),
			route("to-firewall", "10.104.0.0/16", "VirtualAppliance", "10.102.4.77"),
			route("to-kms", "23.102.135.246/32", "Internet", ""),
		}}})
}

func (l Layout) virtualNetwork() Resource {
	subnets := []any{}
	for _, name := range []string{WAN, LAN, MGMT, Work} {
		properties := object{"addressPrefix": prefixes[name]}
		if name == Work {
			properties["routeTable"] = ref(l.RouteTableID())
		}
		subnets = append(subnets, object{"name": name, "properties": properties})
	}
	return resource(l.VNetID(), object{"location": Location, "properties": object{
		"addressSpace": object{"addressPrefixes": []any{Space.String()}}, "subnets": subnets}})
}

func (l Layout) vsocket(side site.Side) []Resource {
	var list []Resource
	vm := VM(side)
	nics := []any{}
	for i, iface := range Interfaces {
		public := ""
		if iface != LAN {
			public = l.PublicID(vm, iface)
			list = append(list, resource(public, object{"location": Location, "sku": object{"name": "Standard"},
				"properties": object{"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"}}))
		}
		list = append(list, resource(l.NICID(vm, iface), l.nic(side, iface, public)))
		nics = append(nics, object{"id": l.NICID(vm, iface), "properties": object{"primary": i == 0}})
	}
	body := vmBody(nics)
	properties := body["properties"].(object)
	properties["futureProfile"] = object{"weights": []any{0.5, "kept"}}
	body["tags"] = object{"owner": "network-team"}
	if side == site.Secondary {
		body["identity"] = object{"type": "UserAssigned", "userAssignedIdentities": object{l.ForeignID(): object{}}}
	}
	if l.Zones {
		body["zones"] = []any{fmt.Sprint(uint8(side))}
	} else {
		properties["availabilitySet"] = ref(l.setID())
	}
	return append(list, resource(l.VMID(vm), body))
}

func vmBody(nics []any) object {
	return object{"location": Location, "properties": object{
		"hardwareProfile": object{"vmSize": "Standard_D8ls_v5"},
		"networkProfile":  object{"networkInterfaces": nics}}}
}

// nic is one NIC of a vSocket. All forward but MGMT.
func (l Layout) nic(side site.Side, iface, public string) object {
	own := object{"primary": true, "privateIPAddress": Addr(side, iface).String(),
		"privateIPAllocationMethod": "Static", "subnet": ref(l.SubnetID(iface))}
	if public != "" {
		own["publicIPAddress"] = ref(public)
	}
	config := object{"name": "ipconfig1", "properties": own}
	properties := object{"enableIPForwarding": iface != MGMT, "networkSecurityGroup": ref(l.NSGID(iface)), "ipConfigurations": []any{config}}
	body := object{"location": Location, "properties": properties}
	if iface == LAN {
		body["tags"] = object{"owner": "network-team", "cost-centre": "4711"}
		body["futureKind"] = object{"since": "2031-01-01", "weights": []any{0.1, 2, "three"}}
		properties["enableAcceleratedNetworking"] = true
		properties["futureFlag"] = object{"deep": object{"er": true}}
		config["futureNote"] = "kept"
		own["futurePolicy"] = []any{object{"id": 1}, "two"}
		own["applicationSecurityGroups"] = []any{ref(l.ASGID())}
	}
	return body
}

func (l Layout) vm1() []Resource {
	nic := l.NICID(VM1, Work)
	return []Resource{
		resource(nic, object{"location": Location, "properties": object{"ipConfigurations": []any{
			object{"name": "ipconfig1", "properties": object{"primary": true, "privateIPAddress": "10.102.4.10",
				"privateIPAllocationMethod": "Static", "subnet": ref(l.SubnetID(Work))}}}}}),
		resource(l.VMID(VM1), vmBody([]any{object{"id": nic, "properties": object{"primary": true}}})),
	}
}
