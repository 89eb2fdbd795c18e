package survey_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/sitetest"
	"releve.dev/releve/site"
)

// fault is planted into a healthy site; it, and only it, is found; what its
// remedies say is done; then nothing is found.
type fault struct {
	name, code string
	plant      func(w *world)
	person     func(w *world) // plays who is asked to act
	set        bool           // in an availability set, not in zones
}

// nic changes a NIC's properties.
func nic(side site.Side, iface string, change func(properties object)) func(*world) {
	return func(w *world) {
		w.Change(w.NICID(sitetest.VM(side), iface), func(n object) { change(n["properties"].(object)) })
	}
}

func vm(side site.Side, change func(body object)) func(*world) {
	return func(w *world) { w.Change(w.VMID(sitetest.VM(side)), change) }
}

// config is one of a NIC's ipConfigurations' properties.
func config(properties object, i int) object {
	return properties["ipConfigurations"].([]any)[i].(object)["properties"].(object)
}

// deny puts a rule into an interface's security group.
func deny(iface, direction, protocol, port string) func(*world) {
	return func(w *world) {
		w.Change(w.NSGID(iface), func(g object) {
			p := g["properties"].(object)
			list, _ := p["securityRules"].([]any)
			priority := 200
			for _, r := range list { // behind nothing
				inner := r.(object)["properties"].(object)
				inner["priority"] = 300
			}
			p["securityRules"] = append(list, object{"name": "planted", "properties": object{"priority": priority, "direction": direction, "access": "Deny", "protocol": protocol,
				"sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": port}})
		})
	}
}

func subnet(name string, change func(properties object)) func(*world) {
	return func(w *world) {
		w.Change(w.VNetID(), func(v object) {
			for _, s := range v["properties"].(object)["subnets"].([]any) {
				if s.(object)["name"] == name {
					change(s.(object)["properties"].(object))
				}
			}
		})
	}
}

func guest(i int, change func(g *doctor.Guest)) func(*world) {
	return func(w *world) { change(w.guests[i]) }
}

// recovers plays a person after whose act a guest is well again.
func recovers(i int) func(*world) {
	return func(w *world) { w.guests[i] = w.guest(i) }
}

func both(fs ...func(*world)) func(*world) {
	return func(w *world) {
		for _, f := range fs {
			f(w)
		}
	}
}

// azureFaults are in Azure's resources.
func azureFaults() []fault {
	return append(remadeFaults(), []fault{
		{name: "no VM", code: "vm-missing", plant: func(w *world) { w.names.Secondary = "nobody" }, person: func(w *world) { w.names.Secondary = sitetest.Secondary }},
		{name: "VM stopped", code: "vm-stopped", plant: func(w *world) { w.power(site.Secondary, "deallocate") }},
		{name: "size differs", code: "size-differs", plant: vm(site.Secondary, func(v object) {
			v["properties"].(object)["hardwareProfile"].(object)["vmSize"] = "Standard_D3_v2"
		})},
		{name: "another custom script", code: "extension-other", plant: func(w *world) {
			w.place(w.VMID(sitetest.Primary)+"/extensions/backup", object{"location": "westeurope", "properties": object{"publisher": "Microsoft.Azure.Extensions",
				"type": "CustomScript", "typeHandlerVersion": "2.1", "settings": object{}}})
		}},
		{name: "IP forwarding off, LAN", code: "nic-forwarding", plant: nic(site.Secondary, sitetest.LAN, func(p object) { p["enableIPForwarding"] = false })},
		{name: "IP forwarding off, WAN", code: "nic-forwarding", plant: nic(site.Primary, sitetest.WAN, func(p object) { p["enableIPForwarding"] = false })},
		{name: "LAN address dynamic", code: "lan-dynamic", plant: nic(site.Primary, sitetest.LAN, func(p object) { config(p, 0)["privateIPAllocationMethod"] = "Dynamic" })},
		{name: "floating IP dynamic", code: "fip-dynamic", plant: nic(site.Primary, sitetest.LAN, func(p object) { config(p, 1)["privateIPAllocationMethod"] = "Dynamic" })},
		{name: "floating IP on no NIC", code: "fip-none", plant: dropFloating},
		{name: "floating IP on the standby's NIC", code: "fip-standby", plant: both(dropFloating, func(w *world) { w.floatOn(w.LANNIC(site.Secondary)) })},
		{name: "floating IP is another VM's", code: "fip-taken", plant: both(dropFloating, func(w *world) {
			w.place(w.ID("Microsoft.Network/networkInterfaces", "printer"), object{"location": "westeurope", "properties": object{"ipConfigurations": []any{object{"name": "a",
				"properties": object{"primary": true, "privateIPAddress": sitetest.FloatingIP.String(), "privateIPAllocationMethod": "Static", "subnet": object{"id": w.SubnetID(sitetest.LAN)}}}}}})
		}), person: func(w *world) {
			if err := w.client.Delete(w.t.Context(), w.ID("Microsoft.Network/networkInterfaces", "printer")); err != nil {
				w.t.Fatal(err)
			}
			w.floatOn(w.LANNIC(site.Primary))
		}},
		{name: "floating IP reserved by Azure", code: "address-reserved", plant: both(dropFloating, wish("10.102.2.3")), person: wellAgain},
		{name: "floating IP outside the subnet", code: "address-outside", plant: both(dropFloating, wish("10.102.9.9")), person: wellAgain},
		{name: "floating IP is the primary's own", code: "address-floating-ip", plant: both(dropFloating, wish("10.102.2.10")), person: wellAgain},
		{name: "keepalives blocked, LAN in", code: "nsg-keepalive", plant: deny(sitetest.LAN, "Inbound", "Udp", "20480")},
		{name: "keepalives blocked, LAN out", code: "nsg-keepalive", plant: deny(sitetest.LAN, "Outbound", "Udp", "20000-21000")},
		{name: "ARM blocked", code: "nsg-arm", plant: deny(sitetest.MGMT, "Outbound", "Tcp", "443")},
		{name: "DNS blocked", code: "nsg-dns", plant: both(servers("1.1.1.1"), deny(sitetest.MGMT, "Outbound", "Udp", "53"))},
		{name: "tunnel blocked", code: "nsg-tunnel", plant: deny(sitetest.WAN, "Outbound", "Udp", "*")},
		{name: "site's traffic blocked", code: "nsg-lan", plant: deny(sitetest.LAN, "Inbound", "Tcp", "*")},
		{name: "private DNS only", code: "dns-private", plant: servers("10.102.3.53"), person: func(*world) {}},
		{name: "route leads to the primary's own address", code: "route-hop", plant: route("10.102.2.10")},
		{name: "route leads to nobody", code: "route-hop-nobody", plant: route("10.102.2.77")},
		{name: "route table on no subnet", code: "route-unused", plant: subnet(sitetest.Work, func(p object) { delete(p, "routeTable") })},
		{name: "route table on the WAN subnet", code: "route-loop", plant: func(w *world) {
			subnet(sitetest.WAN, func(p object) { p["routeTable"] = object{"id": w.RouteTableID()} })(w)
		}},
		{name: "no identity", code: "identity-none", plant: vm(site.Secondary, func(v object) { delete(v, "identity") })},
		{name: "two identities", code: "identity-several", plant: func(w *world) {
			vm(site.Primary, func(v object) { v["identity"].(object)["userAssignedIdentities"].(object)[w.ForeignID()] = object{} })(w)
		}},
		{name: "another identity", code: "identity-differs", plant: func(w *world) {
			vm(site.Secondary, func(v object) {
				v["identity"] = object{"type": "UserAssigned", "userAssignedIdentities": object{w.ForeignID(): object{}}}
			})(w)
		}},
		{name: "system-assigned identity", code: "identity-system", plant: vm(site.Primary, func(v object) { v["identity"].(object)["type"] = "SystemAssigned, UserAssigned" })},
		{name: "no role on a NIC", code: "role-missing", plant: func(w *world) { w.Delete(w.assignmentAt(w.LANNIC(site.Secondary))) }},
		{name: "no role on the subnet", code: "role-missing", plant: func(w *world) { w.Delete(w.assignmentAt(w.SubnetID(sitetest.LAN))) }},
		{name: "no role on the security group", code: "role-missing", plant: func(w *world) { w.Delete(w.assignmentAt(w.NSGID(sitetest.LAN))) }},
		{name: "no role on the application security group", code: "role-missing", plant: func(w *world) { w.Delete(w.assignmentAt(w.ASGID())) }},
		{name: "no role on the LAN's public address", code: "role-missing", plant: func(w *world) {
			id := w.PublicID(sitetest.Primary, sitetest.LAN)
			w.place(id, object{"location": "westeurope", "sku": object{"name": "Standard"}, "properties": object{"publicIPAllocationMethod": "Static"}})
			nic(site.Primary, sitetest.LAN, func(p object) { config(p, 0)["publicIPAddress"] = object{"id": id} })(w)
		}},
		{name: "no role on the VM", code: "role-missing", plant: func(w *world) { w.Delete(w.assignmentAt(w.VMID(sitetest.Primary))) }},
		{name: "read-only lock", code: "locked", plant: func(w *world) {
			w.place(w.GroupID(sitetest.Group)+"/providers/Microsoft.Authorization/locks/freeze", object{"properties": object{"level": "ReadOnly"}})
		}},
		{name: "deny assignment", code: "denied", plant: func(w *world) {
			w.place(w.GroupID(sitetest.Group)+denial, object{"properties": object{"denyAssignmentName": "managed app", "permissions": []any{object{
				"actions": []any{"Microsoft.Network/networkInterfaces/write"}}}, "principals": []any{object{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}}}})
		}, person: func(w *world) { w.Delete(w.GroupID(sitetest.Group) + denial) }},
	}...)
}

const denial = "/providers/Microsoft.Authorization/denyAssignments/00000000-0000-4000-8000-000000000007"

func dropFloating(w *world) {
	nic(site.Primary, sitetest.LAN, func(p object) { p["ipConfigurations"] = p["ipConfigurations"].([]any)[:1] })(w)
}

func wish(addr string) func(*world) {
	return func(w *world) {
		w.names.FloatingIP = netip.MustParseAddr(addr)
		for _, g := range w.guests {
			g.Config.FloatingIP = w.names.FloatingIP
		}
		w.guests[0].Interfaces[2].Have = append(w.guests[0].Interfaces[2].Have, netip.PrefixFrom(w.names.FloatingIP, 32))
		w.Change(w.RouteTableID(), func(table object) { // leads to whatever is wished
			for _, r := range table["properties"].(object)["routes"].([]any)[:2] {
				r.(object)["properties"].(object)["nextHopIpAddress"] = addr
			}
		})
	}
}

func wellAgain(w *world) {
	wish(sitetest.FloatingIP.String())(w)
	w.floatOn(w.LANNIC(site.Primary))
	w.guests = [2]*doctor.Guest{w.guest(0), w.guest(1)}
}

// plain plays the person who makes the VM anew: what was judged is as it is.
func plain(w *world) { w.judge = nil }

func servers(addrs ...string) func(*world) {
	return func(w *world) {
		w.Change(w.VNetID(), func(v object) {
			list := []any{}
			for _, a := range addrs {
				list = append(list, a)
			}
			v["properties"].(object)["dhcpOptions"] = object{"dnsServers": list}
		})
	}
}

func route(hop string) func(*world) {
	return func(w *world) {
		w.Change(w.RouteTableID(), func(table object) {
			table["properties"].(object)["routes"].([]any)[1].(object)["properties"].(object)["nextHopIpAddress"] = hop
		})
	}
}

func (w *world) floatOn(id string) {
	w.Change(id, func(n object) {
		p := n["properties"].(object)
		p["ipConfigurations"] = append(p["ipConfigurations"].([]any), w.floating())
	})
}

func (w *world) power(side site.Side, action string) {
	if _, err := w.client.Post(w.t.Context(), w.VMID(sitetest.VM(side))+"/"+action, nil); err != nil {
		w.t.Fatal(err)
	}
}

// assignmentAt is the id of the role assignment at a scope.
func (w *world) assignmentAt(scope string) string {
	for _, a := range w.read().Identities[0].Assignments {
		if strings.EqualFold(a.Scope, scope) {
			return a.ID
		}
	}
	w.t.Fatalf("no assignment at %s", scope)
	return ""
}

func TestEachFaultIsFoundAloneAndItsRemedyMendsIt(t *testing.T) {
	faults := append(azureFaults(), judgedFaults()...)
	codes := map[string]bool{}
	for _, f := range faults {
		codes[f.code] = true
		t.Run(f.name, func(t *testing.T) { t.Parallel(); f.try(t, healthy(t, !f.set)) })
	}
	shared := healthy(t, true) // a fault of a guest leaves Azure alone
	frozen := shared.read()
	for _, f := range guestFaults() {
		codes[f.code] = true
		t.Run(f.name, func(t *testing.T) {
			w := &world{Site: shared.Site, t: t, client: shared.client, names: shared.names, frozen: frozen}
			w.guests = [2]*doctor.Guest{w.guest(0), w.guest(1)}
			f.try(t, w)
		})
	}
	if len(codes) < 60 {
		t.Errorf("%d kinds of faults", len(codes))
	}
}

func (f fault) try(t *testing.T, w *world) {
	f.plant(w)
	found := w.examine()
	if len(found) != 1 || found[0].Code != f.code {
		t.Fatalf("found %s, want %s alone", list(found), f.code)
	}
	finding := found[0]
	if finding.What == "" || finding.Where == "" || finding.Why == "" || len(finding.Remedies) == 0 {
		t.Errorf("says too little: %+v", finding)
	}
	for _, r := range finding.Remedies {
		if r.Person == "" && r.Command == "" || r.Request != nil && r.Portal == "" {
			t.Errorf("a remedy without words: %+v", r)
		}
		t.Logf("%s | %s | %s | %s | %s", finding.Code, finding.What, r.Command, r.Portal, r.Person)
		w.mend(r, f.person)
	}
	if left := w.examine(); len(left) > 0 {
		t.Errorf("after the remedy: %s", list(left))
	}
}

func list(found []doctor.Finding) string {
	var text []string
	for _, f := range found {
		text = append(text, fmt.Sprintf("%s (%s: %s)", f.Code, f.Where, f.What))
	}
	return "[" + strings.Join(text, "; ") + "]"
}

// contributor may not give roles.
var contributor = arm.Permissions{{Actions: []string{"*"}, NotActions: []string{"Microsoft.Authorization/*/Write"}}}
