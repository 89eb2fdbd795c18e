// Package plane is Azure's data plane as the emulator publishes it: what the
// virtual network does now, which is not always what ARM's resources say (a
// change travels). The lab's fabric follows it and nothing else.
package plane

import (
	"net"
	"net/netip"
)

// Plane is an immutable picture of every NIC of the emulated region.
type Plane struct {
	Version uint64 // grows with each change
	NICs    []NIC
}

// NIC is one network interface and all that decides about its packets.
type NIC struct {
	ID         string // lower-case resource id
	Name       string
	VM         string // lower-case resource id of the VM, "" while unattached
	MAC        net.HardwareAddr
	VNet       string         // lower-case resource id; NICs see each other within a VNet only
	VNetSpace  []netip.Prefix // address space of the VNet
	Subnet     netip.Prefix
	Addrs      []netip.Addr              // addresses that Azure delivers to this NIC now
	Public     map[netip.Addr]netip.Addr // private to public, one to one
	Forwarding bool                      // enableIPForwarding: may send and receive foreign addresses
	Inbound    []NSG                     // each must allow: the subnet's, the NIC's
	Outbound   []NSG
	Routes     []Route // effective routes, most specific first; of equal ones the user's first
}

// NSG is the rules of one network security group and direction, by priority,
// Azure's default rules included.
type NSG struct {
	ID    string
	Rules []Rule
}

// Rule matches if every list that isn't empty has a match.
type Rule struct {
	Name     string
	Priority int
	Allow    bool
	Proto    uint8 // IP protocol number, 0 for any
	Src, Dst []netip.Prefix
	SrcPorts []PortRange
	DstPorts []PortRange
}

// PortRange is inclusive.
type PortRange struct{ From, To uint16 }

// NextHop is what a route leads to.
type NextHop uint8

// The kinds of next hop.
const (
	VNetLocal        NextHop = iota // the NIC that has the destination address
	Internet                        // out, by the public address
	VirtualAppliance                // the NIC that has Route.Via
	None                            // dropped
)

// Route is one effective route of a NIC.
type Route struct {
	Prefix netip.Prefix
	Hop    NextHop
	Via    netip.Addr // of a VirtualAppliance
	User   bool       // from a route table, not a system route
}
