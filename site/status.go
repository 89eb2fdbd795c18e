package site

import (
	"net/netip"
	"time"
)

// Status is what a vSocket says of itself: the answer of its status socket.
type Status struct {
	Site    string  `json:"site"`
	Side    Side    `json:"side"`
	Version Version `json:"version"`
	Summary string  `json:"summary"` // one sentence for people
	Role    Role    `json:"role"`
	Master  bool    `json:"master"` // serves now
	Term    Term    `json:"term"`
	Holder  Side    `json:"holder"`
	Boot    string  `json:"boot"`
	Fit     bool    `json:"fit"`
	Reason  string  `json:"reason,omitempty"` // why it isn't fit

	HA       HAStatus    `json:"ha"`
	Peer     PeerStatus  `json:"peer"`
	Gate     GateStatus  `json:"gate"`
	FIP      FIPStatus   `json:"floating_ip"`
	Azure    AzureStatus `json:"azure"`
	Received Received    `json:"received"`

	Settings *SettingsStatus `json:"settings,omitempty"` // nil: the manager hasn't given any

	Tunnel  *TunnelStatus  `json:"tunnel,omitempty"`  // nil: no cloud
	Witness *WitnessStatus `json:"witness,omitempty"` // nil: ARM is the third
}

// SettingsStatus is how far the manager's settings have come.
type SettingsStatus struct {
	Saved   uint64 `json:"saved"`             // generation that is on the disk
	Applied uint64 `json:"applied"`           // that the agent runs with, whole; 0: none
	Problem string `json:"problem,omitempty"` // why the two differ
}

// HAStatus is Ready only while every indicator is OK (F1).
type HAStatus struct {
	Configured bool        `json:"configured"`
	Ready      bool        `json:"ready"`
	Indicators []Indicator `json:"indicators"`
}

// Indicator is one condition of readiness: "Keepalive", "Same version",
// "Connected".
type Indicator struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`
	Reason string  `json:"reason,omitempty"`
	Since  float64 `json:"since_s"` // seconds for which it has been as it is
}

// PeerStatus is the other vSocket as this one hears it.
type PeerStatus struct {
	Heard   bool               `json:"heard"` // on any path, within the silence time
	Role    Role               `json:"role"`
	Fit     bool               `json:"fit"`
	Reason  string             `json:"reason,omitempty"`
	Version Version            `json:"version"`
	AgeMS   map[string]float64 `json:"age_ms"` // per path, of the last keepalive; absent: never heard
}

// GateStatus says what may be forwarded, and how long without renewal.
type GateStatus struct {
	ServeMS float64 `json:"serve_ms"`
	DrainMS float64 `json:"drain_ms"`
	Down    bool    `json:"down"`
}

// FIPStatus is where the floating IP is.
type FIPStatus struct {
	Address netip.Addr `json:"address"`
	Guest   bool       `json:"guest"` // configured in this guest
	On      string     `json:"on"`    // own, peer, both, none, unknown
	Steered bool       `json:"steered"`
	Change  *FIPChange `json:"change,omitempty"` // nil: none is under way
}

// AzureStatus is this vSocket's way to ARM.
type AzureStatus struct {
	OK      bool    `json:"ok"`
	Problem string  `json:"problem,omitempty"` // with action and scope where Azure names them
	Since   float64 `json:"since_s"`
}

// WitnessStatus is the talk with the witness.
type WitnessStatus struct {
	OK      bool     `json:"ok"`
	Problem string   `json:"problem,omitempty"`
	Since   float64  `json:"since_s"`
	TripMS  float64  `json:"trip_ms"`                // from the last question to its reply
	Loss    *float64 `json:"loss_percent,omitempty"` // of the last hundred or so; nil: not known yet
	Peer    *float64 `json:"peer_age_ms,omitempty"`  // since it heard the peer, when it answered last; nil: never
}

// TunnelStatus is the way to the PoP in use.
type TunnelStatus struct {
	PoP       string         `json:"pop"`
	Endpoint  netip.AddrPort `json:"endpoint"`
	Device    string         `json:"device"`
	Up        bool           `json:"up"`                    // has a session; whether it carries anything, the witness's answers tell
	Handshake *float64       `json:"handshake_s,omitempty"` // age of the last one; nil: none yet

	Received     uint64  `json:"received_bytes"` // since the agent's start
	Sent         uint64  `json:"sent_bytes"`
	ReceivedRate float64 `json:"received_bit_s"` // within the last second or two
	SentRate     float64 `json:"sent_bit_s"`

	Latency *float64 `json:"latency_ms,omitempty"` // the witness's answers'; nil: nobody asks it
	Loss    *float64 `json:"loss_percent,omitempty"`
	Problem string   `json:"problem,omitempty"`
}

// Cloud says whether the tunnel carries anything, or why not. One that has a
// session may carry nothing for minutes until WireGuard notices; the witness, which
// is asked through it, tells at once. There is none if has is false.
func (s *Status) Cloud() (has, up bool, why string) {
	if s.Tunnel == nil {
		return false, false, ""
	}
	up, why = s.Tunnel.Up, s.Tunnel.Problem
	if w := s.Witness; w != nil && !w.OK {
		up = false
		if why == "" {
			why = w.Problem
		}
	}
	return true, up, why
}

// Received counts keepalives by what became of them.
type Received struct {
	Good      uint64 `json:"good"`
	Malformed uint64 `json:"malformed"`
	Forged    uint64 `json:"forged"`
	Replayed  uint64 `json:"replayed"`
}

// Milliseconds turns a duration into the unit of the figures above.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
