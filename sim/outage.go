package sim

import "time"

// outage measures for how long the site's traffic isn't forwarded: Azure brings
// it to a vSocket that stands, has a WAN, and whose gate is open.
type outage struct {
	since time.Duration // until then all is accounted for
	down  time.Duration // since when nothing is forwarded; -1: it is
}

// gateChanged and settleOutage account for the time up to now, before
// something changes.
func (w *World) gateChanged(*node) { w.settleOutage() }

func (w *World) settleOutage() {
	// measured from the instants at which anything changes
}
