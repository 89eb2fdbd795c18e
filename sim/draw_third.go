package sim

import (
	"time"

	"releve.dev/releve/wire/keepalive"
)

// drawThird makes a witness the third of every other seed, and draws what goes
// wrong with it. It has a generator of its own, so that the rest of a seed is the
// same with either third.
func drawThird(s *Schedule) {
	d := drawer{r: generator(s.Seed, ofThird), from: 8 * time.Second}
	if d.yes(50) {
		return
	}
	c := &s.Settings
	c.Witness, c.Trip = true, d.between(200*time.Microsecond, 20*time.Millisecond)
	c.Lease = min(c.Lease+3*c.Trip, 3*time.Second) // ha.md section 3: and the round trip
	if d.yes(40) {
		return
	}
	for range 1 + d.r.IntN(4) {
		f := Fault{Kind: ofTheThird[d.r.IntN(len(ofTheThird))], At: d.at(s), For: d.skewed(50*time.Millisecond, 60*time.Second), Side: d.sideOrBoth(), Path: keepalive.Paths}
		switch f.Kind {
		case Tunnel:
			f.N = d.r.IntN(3)
		case TunnelLoss:
			f.N = 1 + d.r.IntN(60)
		case TunnelLate:
			f.N, f.D = d.r.IntN(3), d.skewed(time.Millisecond, 10*time.Second)
		case TunnelOld:
			f.N, f.D = 1+d.r.IntN(50), d.skewed(time.Millisecond, 30*time.Second)
		}
		f.For = min(f.For, c.Safety-f.At)
		s.Faults = append(s.Faults, f)
	}
}

var ofTheThird = []Kind{Tunnel, Tunnel, Tunnel, TunnelLoss, TunnelLate, TunnelLate, TunnelOld, PoPDown, PoPDown, PoPBlank, PoPBehind}
