package inventory

import (
	"net/netip"
	"time"

	"releve.dev/releve/site"
)

// Account owns sites and people.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

// Site is an Azure site (E1) with its vSockets and networks.
type Site struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Number     uint64    `json:"number"`     // the site's at every witness; never another's
	Generation uint64    `json:"generation"` // raised by each change; the ETag
	CreatedAt  time.Time `json:"created_at"`
	ChangedAt  time.Time `json:"changed_at"`

	Native    Native   `json:"native"`
	Ranges    []Range  `json:"ranges"`
	Primary   VSocket  `json:"primary"`
	Secondary *VSocket `json:"secondary"` // nil: none; "Add secondary" is offered if CanAddSecondary
	HA        *HA      `json:"ha"`        // nil: off
	Tags      []string `json:"tags"`      // sorted
	PoPs      []PoPRef `json:"pops"`      // best first; nil: all of the account, in the order of their adding

	CanAddSecondary bool `json:"can_add_secondary"` // E2, C1
}

// Native is the site's native range: its Azure LAN subnet. The local IP is the
// address that hosts and route tables name: the primary's LAN IP, and the
// floating IP while high availability is on (E5).
type Native struct {
	Prefix  netip.Prefix `json:"prefix"`
	LocalIP netip.Addr   `json:"local_ip"`
}

// HA is a site's high availability section (E5, E7). The management IPs are the
// vSockets' LAN IPs (E4).
type HA struct {
	FloatingIP  netip.Addr      `json:"floating_ip"`
	PrimaryIP   netip.Addr      `json:"primary_ip"`
	SecondaryIP netip.Addr      `json:"secondary_ip"`
	Settings    site.HASettings `json:"settings"`
}

// Range is a routed range (E8).
type Range struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Prefix  netip.Prefix `json:"prefix"`
	Gateway netip.Addr   `json:"gateway"` // zero: the Azure default router
}

// State is where a serial number is in its life. It only goes forward, and a
// void one is void for ever (E9).
type State string

// The states.
const (
	StateNew        State = "new"        // made with its vSocket; nobody has asked for its key
	StateAssigned   State = "assigned"   // a key was printed, for one machine
	StateRegistered State = "registered" // a vSocket has enrolled with it
	StateVoid       State = "void"
)

// VSocket is one of a site's two, as the manager knows it.
type VSocket struct {
	Serial    site.Serial  `json:"serial"`
	Site      string       `json:"site"`
	Side      site.Side    `json:"side"`
	State     State        `json:"state"`
	LANIP     netip.Addr   `json:"lan_ip"`
	Version   site.Version `json:"version"`    // 0.0: never seen
	SeenAt    time.Time    `json:"seen_at"`    // when it connected, to the hour; zero: never
	Delivered uint64       `json:"delivered"`  // generation that it was last known to have
	Applied   uint64       `json:"applied"`    // generation that it last acted on
	KeyUntil  time.Time    `json:"key_until"`  // its one-time key's end; zero: it has none
	Problem   string       `json:"problem"`    // why it doesn't run with what it has, or what of it isn't as it should be; "": nothing
	Told      Local        `json:"told"`       // what it has told of itself
	CreatedAt time.Time    `json:"created_at"` //

	witnessKey string // in base64; "": none yet
}

// Local is what only a vSocket's VM knows: its addresses, and the public half of the
// WireGuard key that it made. The zero value: nothing is known yet.
type Local struct {
	LANIP     netip.Addr `json:"lan_ip"`
	MGMTIP    netip.Addr `json:"mgmt_ip"`
	TunnelKey string     `json:"tunnel_key"` // in base64
}

// Progress is how far a device has come with its settings.
type Progress struct {
	Delivered uint64 // generation on its disk
	Applied   uint64 // generation that it runs with
	Problem   string // why they differ; for people
}

// Settings are what a vSocket is to be given: what its site decides
// (docs/decisions/0008-the-manager.md). They hold secrets.
type Settings struct {
	Account    string        `json:"account"`
	Site       string        `json:"site"`
	SiteName   string        `json:"site_name"`
	Serial     site.Serial   `json:"serial"`
	Side       site.Side     `json:"side"`
	Generation uint64        `json:"generation"`
	Native     Native        `json:"native"`
	LANIP      netip.Addr    `json:"lan_ip"`
	Ranges     []Range       `json:"ranges"`
	HA         *PeerSettings `json:"ha"`    // nil: alone
	Cloud      *Cloud        `json:"cloud"` // nil: no PoP knows it
}

// Cloud is the tunnels' part of Settings.
type Cloud struct {
	SiteNumber uint64     `json:"site_number"`
	Address    netip.Addr `json:"address"`     // the vSocket's own, inside the tunnels
	WitnessKey []byte     `json:"witness_key"` // its own, 32 bytes
	PoPs       []PoP      `json:"pops"`        // best first
}

// PeerSettings are the HA part of Settings.
type PeerSettings struct {
	FloatingIP netip.Addr      `json:"floating_ip"`
	PeerIP     netip.Addr      `json:"peer_ip"`
	PeerMGMT   netip.Addr      `json:"peer_mgmt"` // zero: the peer hasn't told
	PeerSerial site.Serial     `json:"peer_serial"`
	Key        []byte          `json:"key"` // authenticates keepalives; 32 bytes, new with each secondary
	Settings   site.HASettings `json:"settings"`
}

// AuditRow is one change as the audit log keeps it (E12).
type AuditRow struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Action  string    `json:"action"`
	Target  string    `json:"target"`
	Before  string    `json:"before"` // JSON, or ""
	After   string    `json:"after"`  // JSON, or ""
	Request string    `json:"request"`
}
