package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// causes take a role away; disturbances come into the takeover that follows.
var (
	causes       = []Kind{Stall, Stall, Pause, Freeze, Freeze, Crash, Reboot, Off, Stop, Cut, LAN, WAN}
	disturbances = []Kind{Crash, KillAt, Stall, Pause, Reboot, Wipe, Disk, Cut, LAN, WAN,
		Stale, Stale, Stale, Stale, Stale, Lost, Stuck, Slow, Fail, Refuse, Deny, Silent, IMDS, Token, Move, Remove, Untag, Untag, Untag, Edit, Edit, Apply, Apply}
)

// scenes are takeovers that something comes into: hand-made coincidences, which
// faults drawn apart from each other seldom are.
func (d *drawer) scenes(s *Schedule) {
	for range 1 + d.r.IntN(3) {
		switch chance := d.r.IntN(100); {
		case chance < 10:
			d.apart(s)
		case chance < 20, s.Settings.Safety < time.Minute && chance < 60: // fast timers: what it says wrongly lasts for milliseconds
			d.doubt(s)
		case chance >= 96:
			d.thaw(s)
		default:
			d.scene(s)
		}
	}
}

// aim lets a disturbance meet the claim more often than chance would: its write
// fails, its maker dies, or what it reads is old.
func (d *drawer) aim(f, cause *Fault, claim time.Duration) {
	switch f.Kind {
	case Stale:
		f.At, f.For = claim, f.For+f.D
	case Fail, Lost, Refuse:
		f.At, f.Side = min(f.At, claim), site.NoSide
	case Untag, Edit, Apply:
		f.Side = site.Primary // the register
		if d.yes(70) {
			f.At = claim
		}
	case Crash, KillAt, Reboot:
		if cause.Side != site.NoSide && d.yes(70) {
			f.Side = cause.Side.Peer()
		}
	}
}

// apart: Azure is out of one vSocket's reach for long, and somebody has to move
// the floating IP.
func (d *drawer) apart(s *Schedule) {
	last := s.Settings.Safety - time.Second
	f := Fault{Kind: [...]Kind{Silent, Deny, Token}[d.r.IntN(3)], At: d.between(d.from, last/2), Side: site.Primary, Path: keepalive.Paths}
	f.For = min(d.between(time.Minute, 5*time.Minute), s.Settings.Safety-f.At)
	if d.yes(40) {
		d.deaf(s, f)
		return
	}
	cause := [...]Kind{Move, Move, Move, Remove, WAN, Stall, Edit}[d.r.IntN(7)]
	g := Fault{Kind: cause, At: f.At + d.skewed(0, 10*time.Second), For: d.skewed(time.Second, time.Minute), Side: site.Secondary, Path: keepalive.Paths}
	g.For = min(g.For, s.Settings.Safety-g.At)
	if d.yes(30) {
		f.Side, g.Side = g.Side, f.Side
	}
	s.Faults = append(s.Faults, f, g)
}

// doubt: a silence just long enough for a claim is over, and the claimant doesn't
// get to know what became of its claim, or reads what was before it.
func (d *drawer) doubt(s *Schedule) {
	c := &s.Settings
	verdict := c.Silent + c.Confirm
	cause := Fault{Kind: [...]Kind{Freeze, Pause, Stall, Cut, Cut}[d.r.IntN(5)], At: d.between(d.from, c.Safety-10*time.Second), Side: site.Primary, Path: keepalive.Paths}
	cause.For = verdict + d.between(0, 2*time.Second)
	f := Fault{Kind: [...]Kind{Silent, Silent, Lost, Stale, Stale, Crash, Crash}[d.r.IntN(7)], Side: site.Secondary, Path: keepalive.Paths}
	if d.yes(30) {
		cause.Side, f.Side = f.Side, cause.Side
	}
	d.detail(&f)
	f.At = cause.At + verdict - c.Keepalive - d.skewed(0, 500*time.Millisecond) // the last keepalive came before the cause
	f.For = c.Keepalive + 600*time.Millisecond + d.skewed(0, 4*time.Second)
	if f.Kind == Crash { // and has forgotten that it claims
		f.At, f.For = cause.At+verdict-c.Keepalive+d.between(0, c.Keepalive+d.pace(c.Profile)/8), d.skewed(100*time.Millisecond, 2*time.Second)
	}
	s.Faults = append(s.Faults, cause, f)
	if f.Kind != Crash && d.yes(50) { // and is told late of the one that follows
		s.Faults = append(s.Faults, Fault{Kind: Slow, At: f.End(), For: 10 * time.Second, Side: f.Side, Path: f.Path, D: d.skewed(50*time.Millisecond, time.Second)})
	}
}

// thaw: a guest and its clock stand still for longer than its lease, and come back
// before its peer has a term of its own.
func (d *drawer) thaw(s *Schedule) {
	c := &s.Settings
	least := 2*hostSpace*c.Keepalive + c.Lease + time.Second
	f := Fault{Kind: Freeze, At: d.between(d.from, c.Safety-20*time.Second), Side: site.Primary, Path: keepalive.Paths}
	f.For = least + d.skewed(50*time.Millisecond, max(c.Silent+c.Confirm+d.pace(c.Profile)/4-least, 500*time.Millisecond))
	if d.yes(20) {
		f.Side = site.Secondary
	}
	s.Faults = append(s.Faults, f)
}

func (d *drawer) scene(s *Schedule) {
	c := &s.Settings
	last := c.Safety - time.Second
	verdict := c.Silent + c.Confirm
	cause := Fault{Kind: causes[d.r.IntN(len(causes))], At: d.between(d.from, last), Side: site.Primary, Path: keepalive.Paths}
	if d.yes(25) {
		cause.Side = d.sideOrBoth()
	}
	cause.For = verdict/2 + d.skewed(0, 4*verdict+10*time.Second)
	if d.yes(50) { // over while the claim is under way
		cause.For = verdict + d.skewed(0, time.Second+d.pace(c.Profile))
	}
	cause.For = min(cause.For, c.Safety-cause.At)
	s.Faults = append(s.Faults, cause)
	for range 1 + d.r.IntN(3) {
		f := Fault{Kind: disturbances[d.r.IntN(len(disturbances))], For: d.skewed(50*time.Millisecond, 30*time.Second), Side: d.side(), Path: keepalive.Paths}
		f.At = min(cause.At+verdict/2+d.skewed(0, verdict+d.pace(c.Profile)), last)
		if d.yes(20) { // when all seems well again
			f.At = min(cause.End()+d.skewed(0, 5*time.Second), last)
		}
		d.detail(&f)
		d.aim(&f, &cause, min(cause.At+verdict+d.skewed(0, time.Second), last))
		f.For = min(f.For, c.Safety-f.At)
		s.Faults = append(s.Faults, f)
	}
}

// deaf: what one vSocket says is lost for as long, and the other can't serve.
func (d *drawer) deaf(s *Schedule, f Fault) {
	f.Kind = Cut
	f.Side = d.side()
	g := Fault{Kind: [...]Kind{WAN, WAN, LAN, Reboot, Pause, Stall}[d.r.IntN(6)], At: f.At + d.skewed(0, 20*time.Second), Side: f.Side.Peer(), Path: keepalive.Paths}
	g.For = min(d.between(time.Minute, 4*time.Minute), s.Settings.Safety-g.At)
	s.Faults = append(s.Faults, f, g)
}

// pace is about how long Azure takes for a move of the floating IP.
func (d *drawer) pace(profile string) time.Duration {
	switch profile {
	case "instant":
		return 500 * time.Millisecond
	case "fast":
		return 8 * time.Second
	case "classic":
		return 2 * time.Minute
	}
	return 4 * time.Minute
}
