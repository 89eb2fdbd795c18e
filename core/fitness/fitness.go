// Package fitness turns probe readings into one verdict: fit to serve or not,
// and why. Each path has hysteresis, so that one lost probe changes nothing and
// a flapping one doesn't make the vSocket flap. Whether the peer is heard is
// no part of it (ha-schedules.md 15).
package fitness

import (
	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Config sets the hysteresis.
type Config struct {
	Failures int // readings lost in a row until a path is down
	Recovery int // readings good in a row until it is up again
	Version  site.Version
}

// Kind is what a reading is of.
type Kind uint8

// The kinds of reading.
const (
	WAN Kind = iota // any Internet probe answered in this round
	LAN             // the gateway answered ARP
	kinds
)

// Judge keeps the verdict.
type Judge struct {
	cfg   Config
	paths [kinds]path
}

type path struct {
	known, up bool
	good, bad int
}

// New makes a judge that has seen nothing: not fit, starting.
func New(cfg Config) *Judge { return &Judge{cfg: cfg} }

// Read takes one reading. The first good one brings a path up at once: nothing
// is lost yet by a vSocket that has not served.
func (j *Judge) Read(kind Kind, ok bool) {
	p := &j.paths[kind]
	if ok {
		p.good, p.bad = p.good+1, 0
		if !p.known || p.good >= j.cfg.Recovery {
			p.known, p.up = true, true
		}
		return
	}
	p.good, p.bad = 0, p.bad+1
	if p.bad >= j.cfg.Failures || slip.Is(slip.NoHysteresis) {
		p.known, p.up = true, false
	}
}

// Verdict is what the readings so far amount to.
func (j *Judge) Verdict() (fit bool, reason keepalive.Reason) {
	switch {
	case !j.cfg.Version.AtLeast(site.HAVersion):
		return false, keepalive.OldVersion
	case j.paths[LAN].known && !j.paths[LAN].up:
		return false, keepalive.LANDown
	case j.paths[WAN].known && !j.paths[WAN].up:
		return false, keepalive.WANDown
	case !j.paths[WAN].known || !j.paths[LAN].known:
		return false, keepalive.Starting
	}
	return true, keepalive.Fine
}
