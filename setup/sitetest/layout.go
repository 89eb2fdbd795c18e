// Package sitetest is a healthy site in an emulated Azure, for the tests of
// set-up and doctor: two vSockets with what `releve azure deploy` gives them, a
// VM behind them, and what a real subscription has besides, which set-up must
// keep: foreign tags, routes, identities, and properties that no API version
// knows.
package sitetest

import (
	"encoding/json"
	"net/netip"
	"strings"

	"releve.dev/releve/site"
)

// Resource groups, and what is in them.
const (
	Group        = "rg-site"
	NetworkGroup = "rg-network" // the VNet's (A7)
	Location     = "westeurope"
	VNet         = "vnet-site"
	Primary      = "vsocket-primary"
	Secondary    = "vsocket-secondary"
	VM1          = "vm1"                 // behind the site
	Foreign      = "identity-of-another" // a user-assigned identity that the secondary has
)

// The subnets and a vSocket's NICs, by interface.
const (
	MGMT = "mgmt"
	WAN  = "wan"
	LAN  = "lan"
	Work = "work" // where VM1 is
)

// Interfaces of a vSocket, in the order of its NICs.
var Interfaces = []string{MGMT, WAN, LAN}

// Addresses.
var (
	Space      = netip.MustParsePrefix("10.102.0.0/16")
	FloatingIP = netip.MustParseAddr("10.102.2.200") // free: set-up gives it
	prefixes   = map[string]string{WAN: "10.102.1.0/24", LAN: "10.102.2.0/24", MGMT: "10.102.3.0/24", Work: "10.102.4.0/24"}
)

// Addr is a vSocket's own address in a subnet: .10 the primary's, .11 the secondary's.
func Addr(side site.Side, iface string) netip.Addr {
	a := netip.MustParsePrefix(prefixes[iface]).Addr().As4()
	a[3] = 9 + byte(side)
	return netip.AddrFrom4(a)
}

// VM is the name of a vSocket's VM.
func VM(side site.Side) string { return "vsocket-" + side.String() }

// Layout makes the ids of one subscription's resources.
type Layout struct {
	Subscription string
	Zones        bool // one vSocket in zone 1, the other in 2; else both in an availability set (A5)
}

// GroupID is a resource group's id.
func (l Layout) GroupID(name string) string {
	return "/subscriptions/" + l.Subscription + "/resourceGroups/" + name
}

// ID is the id of a resource in the site's group: ID("Microsoft.Network/routeTables", "x").
func (l Layout) ID(kind, name string) string {
	return l.GroupID(Group) + "/providers/" + kind + "/" + name
}

// VMID is a VM's id.
func (l Layout) VMID(vm string) string { return l.ID("Microsoft.Compute/virtualMachines", vm) }

// NICID is a NIC's id.
func (l Layout) NICID(vm, iface string) string {
	return l.ID("Microsoft.Network/networkInterfaces", vm+"-"+iface)
}

// LANNIC is a vSocket's LAN NIC.
func (l Layout) LANNIC(side site.Side) string { return l.NICID(VM(side), LAN) }

// VNetID is the virtual network's id.
func (l Layout) VNetID() string {
	return l.GroupID(NetworkGroup) + "/providers/Microsoft.Network/virtualNetworks/" + VNet
}

// SubnetID is a subnet's id.
func (l Layout) SubnetID(name string) string { return l.VNetID() + "/subnets/" + name }

// NSGID is the network security group of an interface.
func (l Layout) NSGID(iface string) string {
	return l.ID("Microsoft.Network/networkSecurityGroups", "nsg-"+iface)
}

// ASGID is the application security group of the LAN NICs.
func (l Layout) ASGID() string {
	return l.ID("Microsoft.Network/applicationSecurityGroups", "asg-vsockets")
}

// RouteTableID is the work subnet's.
func (l Layout) RouteTableID() string { return l.ID("Microsoft.Network/routeTables", "routes-work") }

// PublicID is the public address of a vSocket's NIC.
func (l Layout) PublicID(vm, iface string) string {
	return l.ID("Microsoft.Network/publicIPAddresses", "pip-"+vm+"-"+iface)
}

func (l Layout) setID() string { return l.ID("Microsoft.Compute/availabilitySets", "set-site") }

// ForeignID is the identity that the secondary has already.
func (l Layout) ForeignID() string {
	return l.ID("Microsoft.ManagedIdentity/userAssignedIdentities", Foreign)
}

// Resource is one PUT of the administrator.
type Resource struct{ ID, Body string }

// object is a JSON object under construction.
type object = map[string]any

func resource(id string, body object) Resource {
	text, err := json.Marshal(body)
	if err != nil {
		panic("sitetest: a body of our own can't be marshalled: " + err.Error())
	}
	return Resource{id, string(text)}
}

func ref(id string) object { return object{"id": id} }

func key(id string) string { return strings.ToLower(id) }
