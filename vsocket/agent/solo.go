package agent

import (
	"time"

	"releve.dev/releve/site"
)

// Solo is a vSocket without HA settings: Master by itself. If the site has two,
// both are Master, a split brain, and its status says so plainly (B7).
type Solo struct {
	name    string
	side    site.Side
	version site.Version
	boot    site.BootID
	gate    Gate
	until   time.Duration
}

// NewSolo makes one.
func NewSolo(name string, side site.Side, version site.Version, boot site.BootID, gate Gate) *Solo {
	return &Solo{name: name, side: side, version: version, boot: boot, gate: gate}
}

// SoloPace is how often Renew is to be called; an opening outlasts a few.
const (
	SoloPace = 500 * time.Millisecond
	soloHold = 3 * time.Second
)

// Renew keeps the gates open. They close by themselves if it isn't called.
func (s *Solo) Renew(now time.Duration) error {
	if s.until == 0 {
		if err := s.gate.Down(true); err != nil {
			return err
		}
	}
	s.until = now + soloHold
	return s.gate.Serve(s.until)
}

// Status is always the same sentence.
func (s *Solo) Status(now time.Duration) site.Status {
	return site.Status{
		Site: s.name, Side: s.side, Version: s.version, Role: site.Active, Master: s.until > now,
		Holder: s.side, Boot: s.boot.String(), Fit: true,
		Summary: SplitBrain,
		Gate:    site.GateStatus{ServeMS: site.Milliseconds(max(0, s.until-now)), Down: s.until > 0},
		FIP:     site.FIPStatus{On: "unknown"},
		HA:      site.HAStatus{Indicators: []site.Indicator{}},
		Peer:    site.PeerStatus{AgeMS: map[string]float64{}},
	}
}

// SplitBrain is what a vSocket without HA settings says of itself.
const SplitBrain = "Master by itself: no HA settings. If the site has two vSockets, both are Master (split brain); give them HA settings to end it."
