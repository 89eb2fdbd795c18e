package sim

import (
	"math/rand/v2"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Draw makes a seed's schedule: settings, which kinds of fault there are, how
// strong they are, and when.
func Draw(seed uint64) *Schedule {
	d := drawer{r: generator(seed, ofDraw)}
	s := &Schedule{Seed: seed, Settings: d.settings(seed)}
	defer drawSolo(s)
	defer drawSettings(s)
	defer drawChange(s)
	defer drawThird(s)
	d.from = 8 * time.Second
	var kinds []Kind
	switch chance := d.r.IntN(100); {
	case chance < 14: // what nobody needs, in a site that has started
		kinds, d.from, d.needless, d.path = needless, settled(s), true, keepalive.Path(d.r.IntN(2))
	case chance < 35:
		d.scenes(s)
		return s
	default:
		kinds = d.swarm()
	}
	for range d.count() {
		d.add(s, kinds[d.r.IntN(len(kinds))])
	}
	return s
}

type drawer struct {
	r    *rand.Rand
	from time.Duration // no fault begins before

	needless bool           // what nobody needs
	path     keepalive.Path // the one that fails then
}

func (d *drawer) yes(percent int) bool { return d.r.IntN(100) < percent }

func (d *drawer) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.r.Int64N(int64(to-from)+1)).Round(time.Millisecond)
}

// skewed draws more short ones than long ones.
func (d *drawer) skewed(from, to time.Duration) time.Duration {
	f := d.r.Float64()
	return from + time.Duration(f*f*f*float64(to-from)).Round(time.Millisecond)
}

// settings: three quarters have slow timers, one quarter the default's or
// faster ones and less time.
func (d *drawer) settings(seed uint64) Settings {
	c := Settings{
		Confirm: d.confirm(), Hold: d.between(5*time.Second, 20*time.Second),
		Preempt: d.yes(85), Stay: d.yes(80), PeerVM: d.yes(50), HMAC: seed%100 == 99,
		Drift: [2]int{d.r.IntN(401) - 200, d.r.IntN(401) - 200},
		Delay: d.between(200*time.Microsecond, 3*time.Millisecond), Jitter: d.between(0, 2*time.Millisecond),
		BusyRefuses: d.yes(30), SucceededAtOnce: d.yes(30), EtagAtEnd: d.yes(30),
		Safety: 10 * time.Minute, Heal: 10 * time.Minute,
	}
	if d.yes(20) {
		c.CleanUp = d.between(0, 20*time.Second)
	}
	if d.yes(75) {
		c.Keepalive = d.between(200*time.Millisecond, time.Second).Round(10 * time.Millisecond)
		c.Profile = [...]string{"instant", "fast", "fast", "fast", "classic", "slow"}[d.r.IntN(6)]
	} else {
		c.Keepalive = [...]time.Duration{10, 15, 20, 50, 50, 50, 100}[d.r.IntN(7)] * time.Millisecond
		c.Profile = [...]string{"instant", "fast"}[d.r.IntN(2)]
		c.Safety, c.Heal, c.CleanUp, c.Hold = 45*time.Second, 75*time.Second, 0, d.between(2*time.Second, 8*time.Second)
	}
	c.Silent = min(c.Keepalive*time.Duration(3+d.r.IntN(3)), 3*time.Second)
	c.Silent = max(c.Silent, 30*time.Millisecond)
	c.Lease = c.Silent
	if d.yes(30) {
		c.Lease = min(c.Keepalive*time.Duration(3+d.r.IntN(4)), 3*time.Second)
	}
	return c
}

func (d *drawer) confirm() time.Duration {
	return [...]time.Duration{0, time.Second, time.Second, 300 * time.Millisecond, 3 * time.Second}[d.r.IntN(5)]
}

// families are kinds that belong together.
var families = [][]Kind{
	{Cut, Cut, Loss},
	{Loss, Twice, Spike, Flip, Old},
	{Crash, KillAt, Reboot, Wipe, Off, Stop},
	{Pause, Freeze, Stall, Late},
	{WAN, LAN, Probes},
	{IMDS, Token, Disk},
	{Silent, Slow, Stuck, Lost},
	{Refuse, Throttle, Deny, Fail, Stale},
	{Move, Remove, Untag, Edit, Apply},
}

var needless = []Kind{Silent, Refuse, Throttle, Deny, Lost, Slow, Stuck, Stale, Token, IMDS, Disk, Flip, Twice, Probes, Cut, Loss}

// swarm draws the kinds that there are in this seed: each missing is a chance
// for the others to show what they do.
func (d *drawer) swarm() (kinds []Kind) {
	for len(kinds) == 0 {
		for i, family := range families {
			percent := 40
			if i >= 7 {
				percent = 25
			}
			if d.yes(percent) {
				kinds = append(kinds, family...)
			}
		}
	}
	return kinds
}

func (d *drawer) count() int {
	switch d.r.IntN(4) {
	case 0:
		return 1
	case 1:
		return 2 + d.r.IntN(6)
	}
	return 5 + d.r.IntN(30)
}

func (d *drawer) side() site.Side { return site.Side(1 + d.r.IntN(2)) }

func (d *drawer) sideOrBoth() site.Side { return site.Side(d.r.IntN(3)) }

var refusals = [...]string{"RetryableError", "AnotherOperationInProgress", "PreconditionFailed", "TooManyRequests", "ServiceUnavailable",
	"InternalServerError", "GatewayTimeout", "PrivateIPAddressIsAllocated", "Canceled"}

// add draws one fault of a kind, and often a burst of them: what breaks things
// is what comes together.
func (d *drawer) add(s *Schedule, kind Kind) {
	f := Fault{Kind: kind, At: d.at(s), For: d.skewed(50*time.Millisecond, 60*time.Second), Side: d.side(), Path: keepalive.Paths}
	d.detail(&f)
	if f.End() > s.Settings.Safety {
		f.For = s.Settings.Safety - f.At
	}
	s.Faults = append(s.Faults, f)
}

// at is a moment, often soon after another fault's beginning or end.
func (d *drawer) at(s *Schedule) time.Duration {
	last := s.Settings.Safety - time.Second
	if n := len(s.Faults); n > 0 && d.yes(50) {
		near := &s.Faults[d.r.IntN(n)]
		from := near.At
		if d.yes(50) {
			from = near.End()
		}
		return min(from+d.skewed(0, 10*time.Second), last)
	}
	return d.between(d.from, last)
}

func (d *drawer) detail(f *Fault) {
	switch f.Kind {
	case Cut:
		d.where(f)
		if d.yes(30) {
			f.For = d.skewed(time.Second, 4*time.Minute)
		}
	case Loss:
		d.where(f)
		f.N = 1 + d.r.IntN(60)
	case Twice, Old:
		f.Side, f.N, f.D = d.sideOrBoth(), 1+d.r.IntN(50), d.skewed(time.Millisecond, 30*time.Second)
	case Spike:
		f.Side, f.D = d.sideOrBoth(), d.skewed(time.Millisecond, 2*time.Second)
	case Flip:
		f.Side, f.N = d.sideOrBoth(), 1+d.r.IntN(30)
		if d.needless {
			f.Path = d.path
		}
	case KillAt:
		f.N, f.For = 1+d.r.IntN(60), d.skewed(100*time.Millisecond, 60*time.Second)
	case Crash, Stop, Reboot, Wipe, Off:
		if d.yes(15) {
			f.Side = site.NoSide
		}
		f.For = d.skewed(100*time.Millisecond, 120*time.Second)
	case Pause, Freeze, Stall:
		f.For = d.skewed(50*time.Millisecond, 35*time.Second)
	case Probes:
		f.N = 1 + d.r.IntN(30)
		if d.needless {
			f.N = 1
		}
	case Late:
		f.D = d.skewed(5*time.Millisecond, 500*time.Millisecond)
	case Disk:
		f.For = d.skewed(50*time.Millisecond, 10*time.Second)
	default:
		d.detailAzure(f)
	}
}

func (d *drawer) detailAzure(f *Fault) {
	switch f.Kind {
	case Silent, Deny:
		f.Side = d.sideOrBoth()
	case Refuse:
		f.Side, f.Code = d.sideOrBoth(), refusals[d.r.IntN(len(refusals))]
	case Throttle:
		f.Side, f.D = d.sideOrBoth(), d.between(time.Second, 30*time.Second)
	case Lost:
		f.Side, f.N = d.sideOrBoth(), 1+d.r.IntN(5)
	case Fail:
		f.Side, f.N, f.Code = d.sideOrBoth(), 1+d.r.IntN(3), "InternalServerError"
	case Slow, Stuck:
		f.Side, f.D = d.sideOrBoth(), d.skewed(100*time.Millisecond, 40*time.Second)
	case Stale:
		f.Side, f.D = d.sideOrBoth(), d.skewed(500*time.Millisecond, 8*time.Second)
	}
}

// where draws which direction and path, or all.
func (d *drawer) where(f *Fault) {
	f.Side = d.sideOrBoth()
	if d.needless {
		f.Path = d.path
		return
	}
	f.Path = [...]keepalive.Path{keepalive.LAN, keepalive.MGMT, keepalive.Paths, keepalive.Paths}[d.r.IntN(4)]
}
