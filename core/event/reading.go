package event

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Reading is what a vSocket's status says now, as far as events go.
type Reading struct {
	Site    string
	Side    site.Side
	Agent   site.BootID // this life of it
	Version site.Version

	Role   site.Role
	Term   site.Term
	HA     *Readiness // nil: no HA settings
	Peer   Peer
	Tunnel *Tunnel // nil: no cloud
	WAN    Port
	LAN    Port

	Assigned
}

// Assigned is what a vSocket has from the manager; nothing without one.
type Assigned struct {
	PeerSerial string
	Generation uint64 // of the site's settings with which it runs
}

// Readiness is HA's.
type Readiness struct {
	OK     bool
	Reason string // why not
}

// Peer is the other vSocket.
type Peer struct {
	Heard  bool // by this one
	Seen   bool // by the witness
	Role   site.Role
	Reason string // why it isn't fit
}

// Tunnel is the way to the cloud.
type Tunnel struct {
	Up     bool // it carries something
	PoP    string
	Reason string // why it isn't up
}

// Port is one of the vSocket's, as its probes see it.
type Port uint8

// The states of a port. Unknown leaves it as it was.
const (
	Unknown Port = iota
	Down
	Up
)

// Read takes a reading from a status.
func Read(s *site.Status, assigned Assigned) (Reading, error) {
	agent, err := site.ParseBootID(s.Boot)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Site: s.Site, Side: s.Side, Agent: agent, Version: s.Version, Role: s.Role, Term: s.Term, Assigned: assigned,
		Peer: Peer{Heard: s.Peer.Heard, Role: s.Peer.Role, Reason: s.Peer.Reason}}
	if w := s.Witness; w != nil {
		r.Peer.Seen = w.OK && w.Peer != nil && *w.Peer < site.Milliseconds(MostStep)
	}
	if s.HA.Configured {
		r.HA = readiness(s)
	}
	r.Tunnel = tunnelOf(s)
	r.WAN, r.LAN = ports(s)
	return r, nil
}

func readiness(s *site.Status) *Readiness {
	for _, i := range s.HA.Indicators {
		if !i.OK {
			return &Readiness{Reason: i.Name + ": " + i.Reason}
		}
	}
	return &Readiness{OK: s.HA.Ready}
}

func tunnelOf(s *site.Status) *Tunnel {
	has, up, why := s.Cloud()
	if !has {
		return nil
	}
	if !up && !s.Fit && s.Reason == keepalive.WANDown.String() {
		why = s.Reason // the cause
	}
	return &Tunnel{Up: up, PoP: s.Tunnel.PoP, Reason: why}
}

// ports reads them from the fitness, which names the LAN first.
func ports(s *site.Status) (wan, lan Port) {
	switch {
	case s.Fit:
		return Up, Up
	case s.Reason == keepalive.WANDown.String():
		return Down, Up
	case s.Reason == keepalive.LANDown.String():
		return Unknown, Down
	}
	return Unknown, Unknown
}

// Overlap is for how long after a change of HA's readiness who begins to speak
// for the site still says it; see the package's comment.
const Overlap = 10 * time.Second
