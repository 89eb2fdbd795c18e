package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// drawThird makes a witness the third of a third of the seeds, and draws what goes
// wrong with it. It has a generator of its own, so that the rest of a seed is the
// same with either third.
func drawThird(s *Schedule) {
	d := drawer{r: generator(s.Seed, ofThird), from: 8 * time.Second}
	if d.yes(66) {
		return
	}
	c := &s.Settings
	c.Witness, c.Trip = true, d.between(200*time.Microsecond, 20*time.Millisecond)
	c.Lease = min(c.Lease+3*c.Trip, 3*time.Second) // ha.md section 3: and the round trip
	c.Second = d.yes(40)
	if c.Second && d.yes(60) {
		d.fromPoPToPoP(s)
	}
	if d.yes(40) {
		return
	}
	if d.yes(15) {
		d.lostInTakeover(s)
	}
	if d.yes(15) {
		d.restartInSilence(s)
	}
	for range 1 + d.r.IntN(4) {
		f := Fault{Kind: ofTheThird[d.r.IntN(len(ofTheThird))], At: d.at(s), For: d.skewed(50*time.Millisecond, 60*time.Second), Side: d.sideOrBoth(), Path: keepalive.Paths}
		if c.Second && d.yes(80) {
			f.PoP = 1 + d.r.IntN(2)
		}
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

// lostInTakeover: the witness grants a term that the one who lost it doesn't learn
// of, loses its record, and hears that one first (decision 5 on R10).
func (d *drawer) lostInTakeover(s *Schedule) {
	c := &s.Settings
	left := func(at time.Duration) time.Duration { return c.Safety - at }
	cause := Fault{Kind: [...]Kind{Reboot, Pause, Stall}[d.r.IntN(3)], At: d.between(d.from, c.Safety-10*time.Second), Side: site.Primary, Path: keepalive.Paths}
	if d.yes(30) {
		cause.Side = site.Secondary
	}
	cause.For = min(c.Silent+d.skewed(2*time.Second, 30*time.Second), left(cause.At))
	blank := Fault{Kind: PoPBlank, At: cause.At + c.Silent + d.skewed(500*time.Millisecond, 2*time.Second), For: d.skewed(time.Millisecond, time.Second), Path: keepalive.Paths}
	blank.At = min(blank.At, c.Safety-time.Second)
	cut := Fault{Kind: Tunnel, At: blank.At, For: min(cause.For+d.skewed(time.Second, 10*time.Second), left(blank.At)), Side: cause.Side.Peer(), Path: keepalive.Paths}
	apart := Fault{Kind: Cut, At: blank.At, For: cut.For, Path: keepalive.Paths}
	s.Faults = append(s.Faults, cause, blank, cut, apart)
}

// restartInSilence: the two don't hear each other, the active lives on the witness's
// promise, and the witness restarts and doesn't know of it (ha-schedules.md 3).
func (d *drawer) restartInSilence(s *Schedule) {
	c := &s.Settings
	cut := Fault{Kind: Cut, At: d.between(d.from, c.Safety-10*time.Second), Path: keepalive.Paths}
	cut.For = min(c.Silent+d.skewed(3*time.Second, time.Minute), c.Safety-cut.At)
	down := Fault{Kind: PoPDown, At: cut.At + c.Silent + d.skewed(0, 2*time.Second), For: d.skewed(time.Millisecond, c.Lease/2), Path: keepalive.Paths}
	down.At = min(down.At, c.Safety-5*time.Second)
	s.Faults = append(s.Faults, cut, down)
}

// fromPoPToPoP: the site goes to the second PoP, and perhaps back. Once the one that
// it has left can be reached, the two don't hear each other, one of them dies, perhaps
// with what it knew, or one of them doesn't reach a PoP (decision 7).
func (d *drawer) fromPoPToPoP(s *Schedule) {
	c := &s.Settings
	add := func(kind Kind, side site.Side, pop int, at, long time.Duration) {
		at = min(max(d.from, at), c.Safety-time.Second)
		s.Faults = append(s.Faults, Fault{Kind: kind, At: at, For: min(long, c.Safety-at), Side: side, Path: keepalive.Paths, PoP: pop})
	}
	at := d.between(d.from, c.Safety/2)
	for i := range 1 + d.r.IntN(3) {
		gone := [...]Kind{Tunnel, Tunnel, PoPDown, PoPBlank, PoPBehind}[d.r.IntN(5)]
		long := d.between(4*c.Silent, 30*time.Second)
		if gone == PoPBlank {
			long = d.skewed(time.Millisecond, 5*time.Second)
		}
		add(gone, site.NoSide, 1+i%2, at, long)
		at += long + d.between(0, 20*time.Second)
		if d.yes(70) {
			add([...]Kind{Cut, Cut, LAN}[d.r.IntN(3)], d.sideOrBoth(), 0, at-d.between(0, 4*time.Second), d.skewed(2*c.Silent, 40*time.Second))
		}
		if d.yes(60) {
			add([...]Kind{Wipe, Wipe, Reboot, Pause}[d.r.IntN(4)], site.Primary+site.Side(d.r.IntN(2)), 0, at, d.skewed(time.Millisecond, 10*time.Second))
		}
		if d.yes(30) {
			add(Tunnel, d.sideOrBoth(), 1+d.r.IntN(2), at+d.between(-5*time.Second, 5*time.Second), d.skewed(time.Second, 40*time.Second))
		}
	}
}

var ofTheThird = []Kind{Tunnel, Tunnel, Tunnel, TunnelLoss, TunnelLate, TunnelLate, TunnelOld, PoPDown, PoPDown, PoPBlank, PoPBehind}
