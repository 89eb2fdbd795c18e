package sim

import "time"

// timersCheck is R14 for the timers: who has new ones before its peer has said that it
// has them too speaks as often as either of the two wants, so that the peer, which may
// go by the old ones, doesn't hold it for silent.
type timersCheck struct {
	w    *World
	last [3]spoke // by side
}

// spoke is when one spoke on the LAN last, in which life, and by which settings.
type spoke struct {
	at   time.Duration
	life uint32
	told uint64
}

// sends is told of each keepalive on the LAN.
func (c *timersCheck) sends(n *node) {
	last := c.last[n.side]
	now := spoke{at: c.w.now, life: n.life, told: n.told}
	c.last[n.side] = now
	agreed, newest := &n.conf.HA, &n.newest
	changing := newest.Generation > agreed.Generation && n.told == newest.Generation
	if !changing || last.life != now.life || last.told != now.told || n.until > last.at || c.w.has(Late) {
		return
	}
	const grain = time.Millisecond // of timers, and what a clock drifts meanwhile
	if gap, most := now.at-last.at, min(agreed.Keepalive, newest.Keepalive)+grain; gap > most {
		c.w.fail("speaks by both timers", "the %s was silent for %v, and its peer may not have the new timers yet: %v at most", n.side, gap, most)
	}
}
