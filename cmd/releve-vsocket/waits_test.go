package main

import (
	"fmt"
	"strings"
	"testing"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
)

// early are settings of a site whose secondary was added before it, or the file's
// part of HA, is there (E2 before D6).
func (n *appliance) early(generation uint64, change func(*contract.HA)) *contract.Settings {
	s := n.settings(generation, 1, func(h *contract.HA) {
		h.Third = "arm"
		if change != nil {
			change(h)
		}
	})
	s.Cloud = &contract.Cloud{SiteNumber: 5, Address: fmt.Sprintf("100.64.0.%d", 10+n.side), WitnessKey: append(make([]byte, 31), 9), Pops: []*contract.PoP{
		{Name: "pop1", Endpoint: "10.102.1.99:51820", PublicKey: append(make([]byte, 31), 8), Witness: "100.64.0.1:20481"}}}
	return s
}

func alone(h *contract.HA) { h.PeerMgmt = "" }

// HA settings that come before what they need leave a vSocket Master by itself (B7)
// with the tunnel that it has been given, not read as applied (E4), until the file
// and the other vSocket are there; a pair stays a pair.
func TestHASettingsWaitD6(t *testing.T) {
	if testing.Short() {
		t.Skip("waits out the longest lease")
	}
	w := newManaged(t)
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	azure := map[*appliance]string{}
	for _, n := range w.nodes[1:] {
		azure[n], _, _ = strings.Cut(n.bare(), "ha:")
	}
	p.give(p.early(2, alone))
	p.start()
	p.until("runs alone with its tunnel", func(s *site.Status) bool {
		return s.Master && !s.HA.Configured && s.Tunnel != nil && s.Site == "by manager" && s.Settings != nil && s.Settings.Applied == 0 &&
			strings.Contains(s.Settings.Problem, "HA waits for the section azure")
	})
	p.want(azure[p], "HA waits for the other vSocket", true)
	if status := p.give(p.early(3, nil)); status.Applied != 3 || status.Problem != "" {
		t.Errorf("all is there: %+v", status)
	}
	s.start()
	if status := s.give(s.early(3, nil)); status.Applied != 0 || !strings.Contains(status.Problem, "HA waits for the section azure") {
		t.Errorf("one that is running is given settings: %+v", status)
	}
	s.until("runs alone with its tunnel", func(s *site.Status) bool { return s.Master && s.Tunnel != nil })
	s.want(azure[s], "runs with", true)
	s.applied(3)
	p.until("is the active one", func(s *site.Status) bool {
		return s.Role == site.Active && s.Master && s.HA.Ready && s.FIP.Address == azuresite.FloatingIP
	})
	s.until("is its standby", func(s *site.Status) bool { return s.Role == site.Standby && s.HA.Ready })

	if status := p.give(p.early(4, alone)); status.Applied != 3 || !strings.Contains(status.Problem, "HA waits for the other vSocket") {
		t.Errorf("another one that hasn't enrolled: %+v", status)
	}
	p.until("is the active one still", func(s *site.Status) bool { return s.Role == site.Active && s.HA.Configured && s.HA.Ready })
}
