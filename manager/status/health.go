package status

// Health is how a site is, in one word, for lists of many.
type Health string

// The healths.
const (
	HealthNew      Health = "new"       // no vSocket of it was ever heard
	HealthSingle   Health = "single"    // connected, without HA settings
	HealthReady    Health = "ready"     // HA Ready
	HealthNotReady Health = "not-ready" // HA Not ready
	HealthDown     Health = "down"      // not connected, and without HA settings
)

// Healths are all of them, the worst first.
var Healths = []Health{HealthNotReady, HealthDown, HealthNew, HealthSingle, HealthReady}

// Health is the site's.
func (s *Site) Health() Health {
	never := s.Primary.Connection == New && (s.Secondary == nil || s.Secondary.Connection == New)
	switch {
	case never:
		return HealthNew
	case s.HA != nil && s.HA.Ready:
		return HealthReady
	case s.HA != nil:
		return HealthNotReady
	case s.Connected:
		return HealthSingle
	}
	return HealthDown
}
