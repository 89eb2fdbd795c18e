package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// amid comes into a change of the floating IP.
var amid = []Kind{Crash, Crash, KillAt, KillAt, KillAt, Reboot, Wipe, Off, Stop, Pause, Freeze, Stall, WAN, LAN, Cut,
	Lost, Lost, Fail, Fail, Refuse, Stuck, Slow, Stale, Silent, Deny, Throttle, Token}

// drawChange gives a tenth of the seeds with slow timers another floating IP, and
// faults in the middle of it. It has a generator of its own, so that the rest of a
// seed stays as it is.
func drawChange(s *Schedule) {
	d := drawer{r: generator(s.Seed, ofChange), from: 8 * time.Second}
	c := &s.Settings
	if !d.yes(10) || c.Safety < 5*time.Minute {
		return
	}
	c.Heal = max(c.Heal, 20*time.Minute)
	f := Fault{Kind: Readdress, At: d.between(d.from, c.Safety/2), Side: d.side(), Path: keepalive.Paths, N: [...]int{0, 0, 0, 1, 1, 2}[d.r.IntN(6)]}
	f.D = d.skewed(0, 20*time.Second)
	f.For = min(d.skewed(time.Second, 4*time.Minute), c.Safety-f.At)
	if d.yes(30) { // nothing else goes wrong
		f.At, f.For = settled(s)+f.At, min(f.For, time.Minute)
		c.Safety = f.End() + time.Second
		s.Faults = []Fault{f}
		return
	}
	if d.yes(50) {
		s.Faults = nil
	}
	s.Faults = append(s.Faults, f)
	if d.yes(20) {
		d.putBack(s, f.End())
		return
	}
	for range d.r.IntN(4) {
		g := Fault{Kind: amid[d.r.IntN(len(amid))], For: d.skewed(50*time.Millisecond, 60*time.Second), Side: d.side(), Path: keepalive.Paths}
		g.At = f.At + f.D + d.skewed(0, time.Minute)
		if d.yes(30) { // while the routes are changed
			g.At = f.End() + d.skewed(0, time.Minute)
		}
		d.detail(&g)
		g.At = min(g.At, c.Safety-time.Second)
		g.For = min(g.For, c.Safety-g.At)
		s.Faults = append(s.Faults, g)
	}
}

// putBack: the secondary serves in the end, and a person applies what the primary's
// NIC was when the former floating IP was on it.
func (d *drawer) putBack(s *Schedule, after time.Duration) {
	c := &s.Settings
	c.Preempt = false
	cause := Fault{Kind: WAN, At: after + d.between(90*time.Second, 3*time.Minute), For: 30 * time.Second, Side: site.Primary, Path: keepalive.Paths}
	f := Fault{Kind: Apply, At: cause.End() + d.skewed(time.Second, 2*time.Minute), For: 2 * time.Millisecond, Side: site.Primary, Path: keepalive.Paths}
	c.Safety = max(c.Safety, f.End()+time.Second)
	s.Faults = append(s.Faults, cause, f)
}
