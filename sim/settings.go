package sim

import (
	"cmp"
	"slices"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// A change of settings comes from outside, to each vSocket when it comes: Side has
// it at once, the other For later. What the fault says is D, the time between two
// keepalives, and N, from which the other timers and the key follow. A vSocket keeps what it
// has been given, and after a restart goes from what the two last agreed on to the
// newest again, as releve-vsocket does.

// apply makes a change of one's settings.
func (f *Fault) apply(c Settings) Settings {
	c.Keepalive = f.D
	c.Silent = max(min(f.D*time.Duration(3+f.N%3), 3*time.Second), 30*time.Millisecond)
	c.Lease = min(f.D*time.Duration(3+f.N/3%4), 3*time.Second)
	if c.Witness {
		c.Lease = min(c.Lease+3*c.Trip, 3*time.Second) // ha.md section 3: and the round trip
	}
	if f.N%2 == 1 {
		c.Hold /= 2
	}
	return c
}

// changes are the changes of settings, in the order in which they are made.
func (s *Schedule) changes() (list []*Fault) {
	for i := range s.Faults {
		if s.Faults[i].Kind == Change {
			list = append(list, &s.Faults[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *Fault) int { return cmp.Compare(a.At, b.At) })
	return list
}

// timers are the least and the most of each that any settings of the schedule have.
func timers(s *Schedule) (least, most Settings) {
	least, most = s.Settings, s.Settings
	for _, f := range s.changes() {
		c := f.apply(s.Settings)
		least.Keepalive, most.Keepalive = min(least.Keepalive, c.Keepalive), max(most.Keepalive, c.Keepalive)
		least.Silent, most.Silent = min(least.Silent, c.Silent), max(most.Silent, c.Silent)
		least.Lease, most.Lease = min(least.Lease, c.Lease), max(most.Lease, c.Lease)
		least.Hold, most.Hold = min(least.Hold, c.Hold), max(most.Hold, c.Hold)
	}
	return least, most
}

// give makes a change known to one vSocket, or to both.
func (w *World) give(f *Fault, to func(site.Side) bool) {
	generation := uint64(2 + slices.Index(w.sched.changes(), f))
	for _, n := range w.nodes[1:] {
		if !to(n.side) || generation <= n.newest.Generation {
			continue
		}
		c := f.apply(w.sched.Settings)
		n.newest = n.conf.HA
		n.newest.Generation = generation
		n.newest.Keepalive, n.newest.Silent, n.newest.Lease, n.newest.Hold = c.Keepalive, c.Silent, c.Lease, c.Hold
		n.configure()
	}
}

// configure tells a running agent what its vSocket has been given.
func (n *node) configure() {
	if n.running && n.still == "" && n.told < n.newest.Generation {
		n.told = n.newest.Generation
		n.keys.Set(n.w.mac(n.w.keyOf(n.told)), n.formers()...)
		n.enter(func(now time.Duration) { n.driver.Configure(now, n.newest) })
	}
}

// formers are the keys of all generations that the peer may still go by.
func (n *node) formers() (macs []auth.MAC) {
	last := n.w.keyOf(n.told)
	for nth := n.w.keyOf(n.conf.HA.Generation); nth < last; nth++ {
		macs = append(macs, n.w.mac(nth))
	}
	return macs
}

// agree: what both go by is what the next life begins with.
func (n *node) agree() {
	if n.newest.Generation > n.conf.HA.Generation && n.told == n.newest.Generation && n.driver.Agreed() {
		n.conf.HA, n.agreed = n.newest, n.w.now
		n.keys.Set(n.w.mac(n.w.keyOf(n.told)))
	}
}

// silence is how long a vSocket is unheard before it may count as silent. While the
// timers change that is the longest of all: each asks the witness by its own.
func (w *World) silence() time.Duration {
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	newest := max(p.newest.Generation, s.newest.Generation, 1)
	changing := p.conf.HA.Generation < newest || s.conf.HA.Generation < newest
	agreed := max(p.agreed, s.agreed)
	if changing || agreed != 0 && w.now < agreed+w.most.Silent {
		return w.most.Silent
	}
	return p.conf.HA.Silent
}

// keyOf says which key a generation has: some changes bring another.
func (w *World) keyOf(generation uint64) (nth int) {
	for i, f := range w.sched.changes() {
		if uint64(i)+2 <= generation && f.N >= 6 {
			nth++
		}
	}
	return nth
}

// anyKey reads what any generation's key has signed.
func (w *World) anyKey() auth.MAC {
	var others []auth.MAC
	for nth := range w.keyOf(1 << 62) {
		others = append(others, w.mac(nth+1))
	}
	return auth.NewKeys(w.mac(0), others...)
}

// forget is for a VM that was made anew: it is given the newest alone.
func (n *node) forget() {
	if n.newest.Generation > 0 {
		n.conf.HA = n.newest
	}
}

// drawSettings changes settings in some seeds. It has a generator of its own, so
// that the other seeds are the same as without.
func drawSettings(s *Schedule) {
	d := drawer{r: generator(s.Seed, ofSettings), from: 8 * time.Second}
	if d.yes(80) {
		return
	}
	c := &s.Settings
	if d.yes(30) { // nothing else is wrong
		s.Faults, d.from = nil, settled(s)
	}
	for range 1 + d.r.IntN(3) {
		f := Fault{Kind: Change, At: d.at(s), For: d.skewed(0, 60*time.Second), Side: d.sideOrBoth(), Path: keepalive.Paths, N: d.r.IntN(12)}
		f.D = [...]time.Duration{c.Keepalive / 12, c.Keepalive / 4, c.Keepalive, c.Keepalive * 4, c.Keepalive * 12}[d.r.IntN(5)].Round(time.Millisecond)
		f.D = min(max(f.D, 10*time.Millisecond), time.Second)
		f.For = min(f.For, c.Safety-f.At)
		s.Faults = append(s.Faults, f)
	}
	if over := s.Faults[len(s.Faults)-1].End(); d.yes(40) { // one doesn't hear the other, and the timers change
		g := Fault{Kind: Cut, At: max(over-d.between(c.Silent, 30*time.Second), d.from), Side: site.Secondary, Path: keepalive.Paths}
		if d.yes(25) {
			g.Side = site.Primary
		}
		g.For = min(over-g.At+d.skewed(time.Second, 30*time.Second), c.Safety-g.At)
		s.Faults = append(s.Faults, g)
	}
}
