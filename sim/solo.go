package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// A vSocket without HA settings is Master by itself (B7). Its first settings come in
// the course of the set-up, to one before the other; its agent begins anew then,
// with the gate left open (core/ha/solo.go).

// formerHold is how long the gate of one that is Master by itself stays open
// without its agent.
const formerHold = 3 * time.Second

// startsSolo: a vSocket has no HA settings at the start.
func (w *World) startsSolo(side site.Side) bool {
	for i := range w.sched.Faults {
		if f := &w.sched.Faults[i]; f.Kind == Solo && f.on(side) {
			return true
		}
	}
	return false
}

// pair gives it its first settings. One whose VM has died meanwhile has begun as one
// of a pair already.
func (n *node) pair() {
	switch {
	case n.life != 0 || n.running:
		return
	case n.still != "": // its gate has closed by itself when it goes on
		n.boot()
		return
	}
	n.w.say(n.side.String(), "has been Master by itself, and gets its first HA settings")
	n.w.settleOutage()
	n.serve, n.down = n.local()+formerHold, true
	n.w.alone.begins(n)
	n.conf.HA.FromSolo = true
	n.boot()
	n.conf.HA.FromSolo = false
}

// drawSolo lets some sites begin without HA settings. It has a generator of its own,
// so that the other seeds are the same as without.
func drawSolo(s *Schedule) {
	d := drawer{r: generator(s.Seed, ofSolo)}
	if d.yes(92) {
		return
	}
	if d.yes(30) { // nothing else is wrong
		s.Faults = nil
	}
	gap := d.skewed(0, min(time.Minute, s.Settings.Safety/2))
	first := d.side()
	var at [3]time.Duration
	at[first] = d.between(0, 2*time.Second)
	at[first.Peer()] = at[first] + gap
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		s.Faults = append(s.Faults, Fault{Kind: Solo, At: at[side], Side: side, Path: keepalive.Paths})
	}
	if d.yes(50) { // the set-up restarts them, or somebody does
		stop := Fault{Kind: [...]Kind{Stop, Stop, Crash, WAN}[d.r.IntN(4)], At: at[first.Peer()] + d.skewed(0, time.Minute), For: d.skewed(time.Second, 30*time.Second),
			Side: d.side(), Path: keepalive.Paths}
		stop.At = min(stop.At, s.Settings.Safety-time.Second)
		stop.For = min(stop.For, s.Settings.Safety-stop.At)
		s.Faults = append(s.Faults, stop)
	}
}
