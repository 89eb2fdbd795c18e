// Package status turns what a site's two vSockets report into what its people are
// shown: HA Ready or Not ready and why (F1), who is Master (F2, B7), and each
// vSocket's connection to the cloud (F3); and what they report each second into
// buckets over time (F10). It knows no clock and keeps nothing.
package status

import (
	"time"

	"releve.dev/releve/site"
)

// Type is what kind of vSockets a site has (F2). There is one.
const Type = "Azure vSocket"

// Report is what the manager has of one vSocket.
type Report struct {
	Serial string
	Here   bool         // it is connected to a manager, so it is heard until that ends
	Heard  time.Time    // anything, last; zero: never
	At     time.Time    // when Status came
	Status *site.Status // the last; nil: none
}

// Input is what a site's status is made of.
type Input struct {
	HA        bool // the site has HA settings
	Primary   Report
	Secondary *Report // nil: the site has none
}

// Site is a site's status.
type Site struct {
	Type      string    `json:"type"`
	Summary   string    `json:"summary"` // one sentence for people
	Connected bool      `json:"connected"`
	HA        *HA       `json:"ha"` // nil: not applicable, as the site has no HA settings
	Master    Master    `json:"master"`
	Since     time.Time `json:"master_since"`
	Primary   Socket    `json:"primary"`
	Secondary *Socket   `json:"secondary"` // nil: the site has none
}

// HA is Ready only while every indicator is OK (F1).
type HA struct {
	Ready      bool        `json:"ready"`
	Since      time.Time   `json:"since"`
	Indicators []Indicator `json:"indicators"`
}

// Indicator is one condition.
type Indicator struct {
	Name   string    `json:"name"`
	OK     bool      `json:"ok"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"` // as it is
}

// The indicators that the manager judges by both reports; others it passes on.
const (
	Connected   = "Connected"
	Keepalive   = "Keepalive"
	SameVersion = "Same version"
)

// Master says which vSocket serves.
type Master string

// The answers. Both is a split brain, or two vSockets without HA settings (B7).
const (
	NoMaster    Master = "none"
	IsPrimary   Master = "primary"
	IsSecondary Master = "secondary"
	Both        Master = "both"
)

// Connection is a vSocket's to the cloud.
type Connection string

// The connections.
const (
	New   Connection = "new" // never heard
	Up    Connection = "connected"
	Down  Connection = "disconnected"
	Plain Connection = "heard" // by the manager; it has no tunnel to the cloud
)

// Socket is one vSocket's status.
type Socket struct {
	Serial     string       `json:"serial"`
	Connection Connection   `json:"connection"`
	Reason     string       `json:"reason,omitempty"` // why it isn't connected
	Since      time.Time    `json:"since"`            // the connection is so
	Heard      time.Time    `json:"heard,omitzero"`
	Silent     bool         `json:"silent,omitempty"` // it was heard once, and isn't now
	Version    site.Version `json:"version"`          // 0.0: not known
	Role       site.Role    `json:"role"`
	Master     bool         `json:"master"`
	PoP        string       `json:"pop,omitempty"`
}
