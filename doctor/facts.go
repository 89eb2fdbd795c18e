package doctor

import (
	"net/netip"
	"strings"

	"releve.dev/releve/site"
)

// Facts is all that is known of a site.
type Facts struct {
	Wanted      Wanted
	Caller      Caller
	Members     [2]Member // primary, secondary
	VNet        VNet
	RouteTables []RouteTable
	Identities  []Identity  // of both VMs, each once
	Locks       []Lock      // on the groups and what is in them
	Denies      []Deny      // deny assignments there, and above
	Taken       []TakenAddr // of the LAN subnet, by others than the site's NICs
	Guests      [2]*Guest   // nil: not asked
	Unseen      []Unseen
}

// Wanted is what the site shall be, as far as somebody has said.
type Wanted struct {
	Subscription string
	Group        string // of the VMs
	NetworkGroup string // of the VNet; may be the same (A7)
	VNet         string
	FloatingIP   netip.Addr // zero: nobody has said
	Endpoint     string     // of ARM
	Authorities  string     // certificates, in PEM, that the guests trust for the endpoint besides the system's; "": none
}

// Caller is who asks ARM.
type Caller struct {
	Problem      SignIn
	Detail       string // of the problem, in Azure's words
	Who          string // for people: application or user
	ObjectID     string // "": not known
	Tenant       string
	Subscription Subscription
	Rights       map[string]Rights // by scope in lower case; what isn't there couldn't be asked
	Eligible     []Role            // PIM: could be activated
}

// SignIn is what keeps a caller from asking ARM at all.
type SignIn string

// The problems of a sign-in.
const (
	SignedIn           SignIn = ""
	SignInExpired      SignIn = "expired"
	SignInTenant       SignIn = "tenant"       // the token is another tenant's
	SignInSubscription SignIn = "subscription" // not there, or not for the caller to see
	SignInUnanswered   SignIn = "unanswered"   // ARM wasn't reached
)

// Subscription is as ARM shows it.
type Subscription struct{ ID, Tenant, State string }

// Rights is what somebody may do at a scope; azure/arm's Permissions are.
type Rights interface{ Allows(action string) bool }

// Role is a role of somebody's at a scope.
type Role struct{ Name, Scope string }

// Lock forbids writing (ReadOnly) or deleting (CanNotDelete).
type Lock struct{ ID, Scope, Level string }

// Deny is a deny assignment: it wins over each role.
type Deny struct {
	ID, Name, Scope    string
	Principals, Except []string // object ids; everybody is a principal of zeros
	Rights             Rights   // what is denied
}

// TakenAddr is an address that something else has.
type TakenAddr struct {
	Addr netip.Addr
	By   string // resource id; "" if Azure didn't say
}

// Unseen is what couldn't be looked at.
type Unseen struct{ What, Where, Why string }

// Member is one vSocket. A NIC that wasn't found is nil.
type Member struct {
	Side           site.Side
	VM             VM
	MGMT, WAN, LAN *NIC
	Others         []*NIC // whose purpose nobody knows
}

// NICs are a member's in the order MGMT, WAN, LAN, others; without those that
// aren't there.
func (m *Member) NICs() []*NIC {
	var list []*NIC
	for _, n := range append([]*NIC{m.MGMT, m.WAN, m.LAN}, m.Others...) {
		if n != nil {
			list = append(list, n)
		}
	}
	return list
}

// VM is a virtual machine.
type VM struct {
	ID, Name, Location, Size string
	Found                    bool
	State                    string // provisioningState
	Power                    string // running, stopped, deallocated, ...; "" not known
	Agent                    string // displayStatus of the guest's agent; "" not known
	Zones                    []string
	Set                      string // id of the availability set
	FaultDomain              *int   // in the set; nil: not known
	SystemIdentity           bool
	Identities               []string // ids of the user-assigned ones
	Extensions               []Extension
	Tags                     map[string]string
}

// Extension is an extension of a VM.
type Extension struct {
	ID, Name, Publisher, Type string
	State, Message            string
	Tags                      map[string]string
}

// NIC is a network interface.
type NIC struct {
	ID, Name    string
	ETag        string
	State       string
	Forwarding  bool
	Accelerated bool
	NSG         string // id; "" none
	VM          string // id; "" attached to none
	DNS         []netip.Addr
	Configs     []IPConfig
	Guards      []Guard // each must let a packet pass: the subnet's NSG and the NIC's
	Guarded     bool    // the guards are known
	Tags        map[string]string
}

// IPConfig is an address of a NIC and what it refers to.
type IPConfig struct {
	Name                  string
	Primary, Static       bool
	Addr                  netip.Addr
	Subnet                string
	Public                *PublicIP
	ASGs, Pools, NATRules []string
}

// PublicIP is a public address.
type PublicIP struct {
	ID, SKU string
	Zones   []string
	Addr    netip.Addr
}

// Primary is the NIC's own address; the zero IPConfig if Azure shows none.
func (n *NIC) Primary() IPConfig {
	for _, c := range n.Configs {
		if c.Primary {
			return c
		}
	}
	if len(n.Configs) > 0 {
		return n.Configs[0]
	}
	return IPConfig{}
}

// Config is that with an address, or nil.
func (n *NIC) Config(addr netip.Addr) *IPConfig {
	for i := range n.Configs {
		if n.Configs[i].Addr == addr && addr.IsValid() {
			return &n.Configs[i]
		}
	}
	return nil
}

// VNet is the virtual network with its subnets.
type VNet struct {
	ID, Name, Location string
	Found              bool
	Space              []netip.Prefix
	DNS                []netip.Addr // empty: Azure's own
	Subnets            []Subnet
}

// Subnet is one of them.
type Subnet struct {
	ID, Name        string
	Prefix          netip.Prefix
	NSG, RouteTable string
	Users           int // ipConfigurations in it
}

// Subnet finds one by its id, or returns nil.
func (v *VNet) Subnet(id string) *Subnet {
	for i := range v.Subnets {
		if SameID(v.Subnets[i].ID, id) {
			return &v.Subnets[i]
		}
	}
	return nil
}

// RouteTable is a table of user-defined routes.
type RouteTable struct {
	ID, Name, Location string
	Subnets            []string
	Routes             []Route
	Tags               map[string]string
}

// Route is one of them.
type Route struct {
	Name, HopType string
	Prefix        netip.Prefix
	Hop           netip.Addr
}

// Identity is a user-assigned managed identity and its roles.
type Identity struct {
	ID, PrincipalID, ClientID, Tenant string
	Found                             bool
	Assignments                       []Assignment // on the site's groups and what is in them
	AssignmentsKnown                  bool
}

// Assignment is a role assignment.
type Assignment struct {
	ID, Scope    string
	RoleID, Name string
	Rights       Rights // of the role; nil: it couldn't be read
}

// SameID compares resource ids as ARM does.
func SameID(a, b string) bool { return strings.EqualFold(a, b) }
