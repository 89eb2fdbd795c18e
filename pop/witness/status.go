package witness

import (
	"time"

	"releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	wire "releve.dev/releve/wire/witness"
)

// Status is what the witness knows of a site.
type Status struct {
	State   string    `json:"state"`
	Term    site.Term `json:"term"`
	Holder  site.Side `json:"holder"`
	Boot    string    `json:"boot"`
	Before  site.Side `json:"before"`     // the holder of the term before
	Promise float64   `json:"promise_ms"` // what is left of the holder's
	Primary Heard     `json:"primary"`
	Second  Heard     `json:"secondary"`
	Problem string    `json:"problem,omitempty"`
}

// Heard is what it has heard of a vSocket.
type Heard struct {
	Ever    bool         `json:"ever"`
	AgeMS   float64      `json:"age_ms"`
	Role    site.Role    `json:"role"`
	Term    site.Term    `json:"term"`
	Fit     bool         `json:"fit"`
	Reason  string       `json:"reason,omitempty"`
	Version site.Version `json:"version"`
	// Waits: it has come from another PoP, and isn't answered before the other one has
	// been heard here too.
	Waits bool `json:"waits,omitempty"`
}

// Status describes a site; ok is false for one that isn't served.
func (s *Server) Status(id uint64) (status Status, ok bool) {
	s.mu.RLock()
	v := s.sites[id]
	s.mu.RUnlock()
	if v == nil {
		return Status{}, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return statusOf(v.core.Status(s.cfg.Clock()), v.failed), true
}

func statusOf(c witness.Status, failed error) Status {
	claim := c.Record.Claim
	status := Status{State: c.State.String(), Term: claim.Term, Holder: claim.Holder, Boot: claim.Boot.String(), Before: c.Record.Prev,
		Promise: site.Milliseconds(c.Promise), Primary: heard(&c.Sides[0], c.Resident[0]), Second: heard(&c.Sides[1], c.Resident[1])}
	if failed != nil {
		status.Problem = failed.Error()
	}
	return status
}

func heard(v *wire.View, resident bool) Heard {
	if v.Seq == 0 {
		return Heard{}
	}
	return Heard{Ever: true, AgeMS: float64(v.Age) / float64(time.Millisecond), Role: v.Role, Term: v.Term, Fit: v.Fit,
		Reason: v.Reason.String(), Version: v.Version, Waits: !resident}
}

// Counts tells what became of the datagrams so far.
func (s *Server) Counts() Counts {
	c := &s.counts
	return Counts{c.good.Load(), c.malformed.Load(), c.unknown.Load(), c.forged.Load(), c.misplaced.Load(), c.busy.Load()}
}
