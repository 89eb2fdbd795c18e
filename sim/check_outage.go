package sim

import (
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// outageCheck is P6 and P7: what nobody needs may fail without any outage and
// any change of the active; a single fault of a vSocket costs no more than our
// time and Azure's.
type outageCheck struct {
	indifferent
	w        *World
	harmless bool // all faults of the schedule are of a kind that nobody needs
	single   bool // there is one, and it takes a vSocket away
	changes  bool // nothing but the floating IP
	first    site.Claim
	asked    bool          // the primary has asked for the role back
	given    time.Duration // when the secondary has given it; 0: not yet
	steered  time.Duration // and when the primary has steered since
}

func newOutageCheck(w *World) *outageCheck {
	c := &outageCheck{w: w, harmless: w.sched.Settings.Stay}
	faults := w.sched.Faults
	path := keepalive.LAN // one of the two may fail
	for i := range faults {
		if faults[i].Path == keepalive.MGMT {
			path = keepalive.MGMT
		}
	}
	for i := range faults {
		c.harmless = c.harmless && harmless(&faults[i], path) && faults[i].At >= settled(w.sched)
	}
	if w.has(Readdress) && w.has(Disk) {
		c.harmless = false // a change of the floating IP keeps what it finds before it takes it off (B5)
	}
	if len(faults) == 1 {
		c.changes = faults[0].Kind == Readdress && faults[0].At >= settled(w.sched)
		switch faults[0].Kind {
		case Crash, KillAt, Reboot, Wipe, Off, Stop, WAN, LAN, Pause, Freeze:
			c.single = faults[0].Side != site.NoSide
		}
	}
	return c
}

// harmless: one dependency among several (ha.md section 1, P7). ARM and IMDS
// aren't needed while the peer answers, and neither is one of two paths.
func harmless(f *Fault, path keepalive.Path) bool {
	switch f.Kind {
	case Change, Silent, Refuse, Throttle, Deny, Lost, Slow, Stuck, Stale, Token, IMDS, Disk, Twice, Readdress:
		return true
	case Cut, Loss, Flip:
		return f.Path == path
	case Probes:
		return f.N <= 1 // four in a row are lost once in a hundred million
	}
	return false
}

func (c *outageCheck) serves(n *node, until time.Duration) {
	w := c.w
	if !c.harmless || w.now < settled(w.sched) {
		return
	}
	if c.first.Term == 0 {
		c.first = n.granted
	}
	if c.back(n) {
		c.first = n.granted
	}
	if n.granted != c.first {
		w.fail("no single dependency", "term %d has given way to %d, though nothing was broken that is needed", c.first.Term, n.granted.Term)
	}
	if n.granted.Boot == n.boot_ && until <= n.local() && !(c.given > 0 && c.first.Holder == site.Secondary) {
		w.fail("no single dependency", "the %s's gate was shut, though nothing was broken that is needed", n.side)
	}
}

// back: at the start the primary came so late that the secondary went first, which
// gives the role back now, once all has been well for the hold time (R13). Nothing
// needs to be broken for that.
func (c *outageCheck) back(n *node) bool {
	return c.asked && c.first.Holder == site.Secondary && n.granted.Holder == site.Primary && n.granted.Term == c.first.Term+1
}

func (c *outageCheck) said(n *node, what string) {
	switch {
	case what == "asks for the role back":
		c.asked = true
	case what == "yielded" && c.asked && c.given == 0 && n.side == site.Secondary:
		c.given = c.w.now
	case what == "steering done" && c.given > 0 && c.steered == 0 && n.side == site.Primary:
		c.steered = c.w.now
	}
}

// failback: at this instant the role was on its way back, and the floating IP with it.
func (c *outageCheck) failback(at time.Duration) bool {
	return c.given > 0 && at >= c.given && (c.steered == 0 || at < c.steered)
}

// settled is when a site has started and steered even in the slowest profile.
func settled(s *Schedule) time.Duration {
	switch s.Settings.Profile {
	case "instant", "fast":
		return 20 * time.Second
	case "classic":
		return 150 * time.Second
	}
	return 5 * time.Minute
}

func (c *outageCheck) ended() {
	w := c.w
	if quick := w.sched.Settings.Profile == "instant" || w.sched.Settings.Profile == "fast"; quick && c.single {
		w.stats.WorstOutage = w.out.worst(anyTime).lasted
	}
	unbidden := func(at time.Duration) bool { return at > settled(w.sched) && !c.failback(at) }
	if g := w.out.worst(unbidden); c.changes && g.lasted > 0 {
		w.fail("availability", "nothing was forwarded for %v from %v on, while only the floating IP was changed", g.lasted, g.at)
	}
	late := func(at time.Duration) bool { return at > settled(w.sched)/2 }
	if g := w.out.worst(late); c.single && g.lasted > c.limit() {
		w.fail("availability", "nothing was forwarded for %v from %v on; at most %v was to be expected", g.lasted, g.at, c.limit())
	}
}

// limit is what a single fault may cost.
func (c *outageCheck) limit() time.Duration {
	s := &c.w.sched.Settings
	p, err := profile.Parse(s.Profile)
	if err != nil {
		panic("sim: " + err.Error())
	}
	write := p.Writes[profile.NIC].Control.To + p.Accept.To + 2*p.Read.To + time.Second
	verdict := 2*s.Silent + s.Confirm + 2*s.Keepalive
	const unfit = 2 * time.Second // until the probes are sure
	return 3*write + s.CleanUp + verdict + unfit + 3*time.Second
}
