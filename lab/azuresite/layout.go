// Package azuresite is the lab's site as Azure's resources: the bodies that an
// administrator puts, and the check that nobody changed more of the two LAN
// NICs than may be changed (requirement B5).
//
// The addresses are those of the source's article. The VNet is in a resource
// group of its own (A7). Both LAN NICs carry what a careless failover loses: a
// network security group, tags, accelerated networking, an application
// security group, DNS servers, and at each level a property that no API version
// of today knows.
package azuresite

import (
	"net/netip"
	"strings"

	"releve.dev/releve/site"
)

// Resource groups, and where all is.
const (
	SiteGroup    = "rg-site"
	NetworkGroup = "rg-network"
	Location     = "westeurope"
	VNet         = "vnet-site"
	FIPConfig    = "vip" // name of the floating IP's ipConfiguration, by who set the site up
	Identity     = "releve-identity"
	VM1          = "vm1"
)

// The subnets, by the interface that is in them.
const (
	WAN  = "wan"
	LAN  = "lan"
	MGMT = "mgmt"
	Work = "work" // where vm1 is
)

// Interfaces of a vSocket, in the order of its NICs.
var Interfaces = []string{MGMT, WAN, LAN}

// Prefixes of the subnets.
var Prefixes = map[string]netip.Prefix{
	WAN:  netip.MustParsePrefix("10.102.1.0/24"),
	LAN:  netip.MustParsePrefix("10.102.2.0/24"),
	MGMT: netip.MustParsePrefix("10.102.3.0/24"),
	Work: netip.MustParsePrefix("10.102.4.0/24"),
}

// Addresses of the site and of what is around it.
var (
	Space        = netip.MustParsePrefix("10.102.0.0/16")
	Sites        = netip.MustParsePrefix("10.103.0.0/16") // of the other sites
	FloatingIP   = netip.MustParseAddr("10.102.2.200")
	VM1Addr      = netip.MustParseAddr("10.102.4.10")
	InternetAddr = netip.MustParseAddr("203.0.113.10")
	AzureAddr    = netip.MustParseAddr("203.0.113.20") // of ARM
	PoP1Addr     = netip.MustParseAddr("203.0.113.30")
	PoP2Addr     = netip.MustParseAddr("203.0.113.31")
	BranchAddr   = netip.MustParseAddr("203.0.113.40") // WAN of the other site's vSocket
	ManagerAddr  = netip.MustParseAddr("203.0.113.50") // which the vSockets reach by MGMT, as they do ARM
)

// Addr is a vSocket's own address in a subnet: .10 the primary's, .11 the secondary's.
func Addr(side site.Side, iface string) netip.Addr {
	a := Prefixes[iface].Addr().As4()
	a[3] = 9 + byte(side)
	return netip.AddrFrom4(a)
}

// VM is the name of a vSocket's VM.
func VM(side site.Side) string { return "vsocket-" + side.String() }

// NIC is the name of a NIC.
func NIC(vm, iface string) string { return vm + "-" + iface }

// Layout makes the ids of one subscription's resources.
type Layout struct {
	Subscription string
	Zones        bool // the two vSockets in different availability zones (A5)
}

func (l Layout) group(name string) string {
	return "/subscriptions/" + l.Subscription + "/resourceGroups/" + name
}

func (l Layout) network(kind, name string) string {
	return l.group(SiteGroup) + "/providers/Microsoft.Network/" + kind + "/" + name
}

// VMID is a VM's resource id.
func (l Layout) VMID(vm string) string {
	return l.group(SiteGroup) + "/providers/Microsoft.Compute/virtualMachines/" + vm
}

// NICID is a NIC's resource id.
func (l Layout) NICID(vm, iface string) string {
	return l.network("networkInterfaces", NIC(vm, iface))
}

// LANNIC is the resource id of a vSocket's LAN NIC.
func (l Layout) LANNIC(side site.Side) string { return l.NICID(VM(side), LAN) }

// PlaneID is an id as the data plane writes it.
func PlaneID(id string) string { return strings.ToLower(id) }

func (l Layout) vnet() string {
	return l.group(NetworkGroup) + "/providers/Microsoft.Network/virtualNetworks/" + VNet
}

func (l Layout) subnet(name string) string { return l.vnet() + "/subnets/" + name }
func (l Layout) nsg(iface string) string   { return l.network("networkSecurityGroups", "nsg-"+iface) }
func (l Layout) asg() string               { return l.network("applicationSecurityGroups", "asg-vsockets") }
func (l Layout) identity() string {
	return l.group(SiteGroup) + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + Identity
}
