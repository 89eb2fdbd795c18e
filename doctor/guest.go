package doctor

import (
	"net/netip"

	"releve.dev/releve/site"
)

// Guest is what a vSocket sees of itself: what `releve-vsocket doctor --facts`
// prints, packed.
type Guest struct {
	Side    site.Side    `json:"side"`
	Version site.Version `json:"version"`
	Status  *Status      `json:"status,omitempty"` // nil: no agent runs
	Config  Config       `json:"config"`

	NotForwarding []string    `json:"not_forwarding,omitempty"` // sysctls that should be 1
	Interfaces    []Interface `json:"interfaces"`
	DNS           []Resolver  `json:"dns"`
	ARM           Reach       `json:"arm"`
	SkewS         *float64    `json:"skew_s,omitempty"` // of the clock: guest's minus ARM's; nil: not known
	Paths         []Path      `json:"paths,omitempty"`
	Token         Token       `json:"token"`
	Missing       []Missing   `json:"missing,omitempty"` // rights, by the identity's own view
	Unseen        []Unseen    `json:"unseen,omitempty"`
}

// Status is what the running agent says.
type Status struct {
	Role   site.Role  `json:"role"`
	Master bool       `json:"master"`
	Ready  bool       `json:"ready"`
	FIP    netip.Addr `json:"fip"`
	Heard  bool       `json:"heard"` // the peer
}

// Config is what the vSocket's settings say of Azure; the zero value: no HA.
type Config struct {
	HA         bool       `json:"ha"`
	FloatingIP netip.Addr `json:"fip"`
	PeerLAN    netip.Addr `json:"peer_lan"`
	NIC        string     `json:"nic,omitempty"` // resource ids
	PeerNIC    string     `json:"peer_nic,omitempty"`
	Subnet     string     `json:"subnet,omitempty"`
	ClientID   string     `json:"client_id,omitempty"`
	Endpoint   string     `json:"endpoint,omitempty"`
}

// Interface is one of the guest.
type Interface struct {
	Of   string         `json:"of"` // mgmt, wan, lan
	Name string         `json:"name"`
	Want netip.Prefix   `json:"want"`
	Have []netip.Prefix `json:"have"`
	Up   bool           `json:"up"`
	MTU  int            `json:"mtu"`
}

// Has reports whether the interface has an address.
func (i *Interface) Has(addr netip.Addr) bool {
	for _, p := range i.Have {
		if p.Addr() == addr {
			return true
		}
	}
	return false
}

// works says that the interface of a purpose is up and has its address, as far as
// is known.
func (g *Guest) works(of string) bool {
	for i := range g.Interfaces {
		if x := &g.Interfaces[i]; x.Of == of && (!x.Up || x.Want.IsValid() && !x.Has(x.Want.Addr())) {
			return false
		}
	}
	return true
}

// Resolver is a DNS server asked for ARM's name.
type Resolver struct {
	Server  netip.Addr `json:"server"`
	OK      bool       `json:"ok"`
	Problem string     `json:"problem,omitempty"`
	Default bool       `json:"default,omitempty"` // the system asks it
}

// Reach is the way to ARM.
type Reach struct {
	Host   string `json:"host"`
	OK     bool   `json:"ok"`             // as the agent goes
	By     string `json:"by,omitempty"`   // interface that it leaves by: mgmt, wan, lan or a name
	MGMT   bool   `json:"mgmt"`           // reached from the MGMT address
	Why    string `json:"why,omitempty"`  // why not
	Others string `json:"also,omitempty"` // another interface by which it is reached
}

// Path is the way to somebody with the largest packet that passes whole.
type Path struct {
	To   string `json:"to"` // peer, pop
	By   string `json:"by"` // wan, lan, mgmt
	MTU  int    `json:"mtu"`
	Want int    `json:"want"`
}

// Token is what the metadata service gives.
type Token struct {
	OK           bool   `json:"ok"`
	Problem      string `json:"problem,omitempty"`      // unreachable, identity, busy, answer
	Detail       string `json:"detail,omitempty"`       // in the service's words
	Tenant       string `json:"tenant,omitempty"`       // of the token
	ClientID     string `json:"client_id,omitempty"`    // whose it is
	Subscription string `json:"subscription,omitempty"` // of the VM
}

// Missing is a right that the identity lacks.
type Missing struct {
	Action string `json:"action"`
	Scope  string `json:"scope"`
}
