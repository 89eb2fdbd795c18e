package azuresite

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"releve.dev/releve/site"
)

// Resource is one PUT of the administrator.
type Resource struct{ ID, Body string }

// object is a JSON object under construction.
type object = map[string]any

func resource(id string, body object) Resource {
	text, err := json.Marshal(body)
	if err != nil {
		panic("azuresite: a body of our own can't be marshalled: " + err.Error())
	}
	return Resource{id, string(text)}
}

func ref(id string) object { return object{"id": id} }

// Resources lists the site in the order in which it can be put, the floating
// IP on the primary. Roles are apart, as they need the identity's object id.
func (l Layout) Resources() []Resource {
	list := []Resource{
		resource(l.group(SiteGroup), object{"location": Location}),
		resource(l.group(NetworkGroup), object{"location": Location}),
		resource(l.asg(), object{"location": Location}),
		resource(l.identity(), object{"location": Location}),
	}
	for _, iface := range Interfaces {
		list = append(list, resource(l.nsg(iface), object{"location": Location, "properties": object{"securityRules": rules(iface)}}))
	}
	list = append(list, l.routes(FloatingIP), l.virtualNetwork())
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		list = append(list, l.vsocket(side)...)
	}
	return append(list, l.vm1()...)
}

// rules let the site's traffic through the LAN: what it sends to the Internet
// and what comes back is not of the VNet, so the default rules refuse it.
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

// routes lead the work subnet's traffic to a next hop.
func (l Layout) routes(hop netip.Addr) Resource {
	return resource(l.routeTable(), object{"location": Location, "properties": object{"routes": []any{
		object{"name": "to-cloud", "properties": object{"addressPrefix": "0.0.0.0/0",
			"nextHopType": "VirtualAppliance", "nextHopIpAddress": hop.String()}},
		// Azure drops what goes to private addresses unless a route is longer than its own.
		object{"name": "to-sites", "properties": object{"addressPrefix": Sites.String(),
			"nextHopType": "VirtualAppliance", "nextHopIpAddress": hop.String()}},
	}}})
}

func (l Layout) routeTable() string { return l.network("routeTables", "routes-work") }

func (l Layout) virtualNetwork() Resource {
	subnets := []any{}
	for _, name := range []string{WAN, LAN, MGMT, Work} {
		properties := object{"addressPrefix": Prefixes[name].String()}
		if name == Work {
			properties["routeTable"] = ref(l.routeTable())
		}
		subnets = append(subnets, object{"name": name, "properties": properties})
	}
	return resource(l.vnet(), object{"location": Location, "properties": object{
		"addressSpace": object{"addressPrefixes": []any{Space.String()}}, "subnets": subnets}})
}

func (l Layout) vsocket(side site.Side) []Resource {
	var list []Resource
	vm := VM(side)
	nics := []any{}
	for i, iface := range Interfaces {
		public := ""
		if iface != LAN {
			public = l.network("publicIPAddresses", "pip-"+NIC(vm, iface))
			list = append(list, resource(public, object{"location": Location, "sku": object{"name": "Standard"},
				"properties": object{"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"}}))
		}
		list = append(list, resource(l.NICID(vm, iface), l.nic(side, iface, public)))
		nics = append(nics, object{"id": l.NICID(vm, iface), "properties": object{"primary": i == 0}})
	}
	body := vmBody(nics)
	body["identity"] = object{"type": "UserAssigned", "userAssignedIdentities": object{l.identity(): object{}}}
	if l.Zones {
		body["zones"] = []any{fmt.Sprint(uint8(side))}
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
		"privateIPAllocationMethod": "Static", "subnet": ref(l.subnet(iface))}
	if public != "" {
		own["publicIPAddress"] = ref(public)
	}
	config := object{"name": "ipconfig1", "properties": own}
	properties := object{"enableIPForwarding": iface != MGMT, "networkSecurityGroup": ref(l.nsg(iface))}
	configs := []any{config}
	body := object{"location": Location, "properties": properties}
	if iface == LAN {
		body["tags"] = object{"owner": "network-team", "cost-centre": "4711"}
		body["futureKind"] = object{"since": "2031-01-01", "weights": []any{0.1, 2, "three"}}
		properties["enableAcceleratedNetworking"] = true
		properties["dnsSettings"] = object{"dnsServers": []any{"10.102.3.53", "1.1.1.1"}}
		properties["futureFlag"] = object{"deep": object{"er": true}}
		config["futureNote"] = "kept"
		own["futurePolicy"] = []any{object{"id": 1}, "two"}
		own["applicationSecurityGroups"] = []any{ref(l.asg())}
		if side == site.Primary {
			configs = append(configs, l.floating())
		}
	}
	properties["ipConfigurations"] = configs
	return body
}

// floating is the floating IP's ipConfiguration.
func (l Layout) floating() object {
	return object{"name": FIPConfig, "futureNote": "kept too", "properties": object{"primary": false, "privateIPAddress": FloatingIP.String(),
		"privateIPAllocationMethod": "Static", "subnet": ref(l.subnet(LAN)), "futurePolicy": []any{"three"}}}
}

// FloatingConfig is that ipConfiguration as JSON, for who adds it by hand.
func (l Layout) FloatingConfig() string { return resource("", l.floating()).Body }

func (l Layout) vm1() []Resource {
	nic := l.NICID(VM1, Work)
	return []Resource{
		resource(nic, object{"location": Location, "properties": object{"ipConfigurations": []any{
			object{"name": "ipconfig1", "properties": object{"primary": true, "privateIPAddress": VM1Addr.String(),
				"privateIPAllocationMethod": "Static", "subnet": ref(l.subnet(Work))}}}}}),
		resource(l.VMID(VM1), vmBody([]any{object{"id": nic, "properties": object{"primary": true}}})),
	}
}
