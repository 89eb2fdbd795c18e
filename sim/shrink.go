package sim

// Shrink makes a failing schedule smaller as long as the same property fails:
// fewer faults first, then shorter ones, then plainer settings.
func Shrink(s *Schedule) (*Schedule, *Violation) {
	h := &shrinker{best: s, violation: Run(s, nil).Violation, left: 600}
	if h.violation == nil {
		return s, nil
	}
	for before := -1; before != h.left && h.left > 0; {
		before = h.left
		found := h.fewer()
		found = h.shorter() || found
		found = h.plainer() || found
		if !found {
			break
		}
	}
	return h.best, h.violation
}

type shrinker struct {
	best      *Schedule
	violation *Violation
	left      int // runs that may still be made
}

// try keeps a candidate that fails in the same way.
func (h *shrinker) try(change func(s *Schedule)) bool {
	if h.left == 0 {
		return false
	}
	h.left--
	candidate := &Schedule{Seed: h.best.Seed, Settings: h.best.Settings, Faults: append([]Fault(nil), h.best.Faults...)}
	change(candidate)
	v := Run(candidate, nil).Violation
	if v == nil || v.Property != h.violation.Property {
		return false
	}
	h.best, h.violation = candidate, v
	return true
}

func (h *shrinker) fewer() (found bool) {
	for size := max(1, len(h.best.Faults)/2); size > 0; size /= 2 {
		for at := 0; at+size <= len(h.best.Faults); {
			from := at
			if h.try(func(s *Schedule) { s.Faults = append(s.Faults[:from:from], s.Faults[from+size:]...) }) {
				found = true
			} else {
				at += size
			}
		}
	}
	return found
}

func (h *shrinker) shorter() (found bool) {
	for i := range h.best.Faults {
		for h.best.Faults[i].For > 2e6 && h.try(func(s *Schedule) { s.Faults[i].For = (s.Faults[i].For / 2).Round(1e6) }) {
			found = true
		}
	}
	return found
}

func (h *shrinker) plainer() (found bool) {
	plain := func(same bool, change func(c *Settings)) {
		if !same && h.try(func(s *Schedule) { change(&s.Settings) }) {
			found = true
		}
	}
	c := &h.best.Settings
	plain(c.Drift == [2]int{}, func(c *Settings) { c.Drift = [2]int{} })
	plain(!c.BusyRefuses, func(c *Settings) { c.BusyRefuses = false })
	plain(!c.SucceededAtOnce, func(c *Settings) { c.SucceededAtOnce = false })
	plain(!c.EtagAtEnd, func(c *Settings) { c.EtagAtEnd = false })
	plain(c.CleanUp == 0, func(c *Settings) { c.CleanUp = 0 })
	plain(!c.PeerVM, func(c *Settings) { c.PeerVM = false })
	plain(!c.HMAC, func(c *Settings) { c.HMAC = false })
	plain(c.Stay, func(c *Settings) { c.Stay = true })
	plain(c.Profile == "instant", func(c *Settings) { c.Profile = "instant" })
	plain(c.Profile == "instant" || c.Profile == "fast", func(c *Settings) { c.Profile = "fast" })
	return found
}
