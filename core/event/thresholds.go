package event

import (
	"fmt"
	"time"
)

// Thresholds say how long something must last until it is told. The defaults are
// the source's (vendor-system.md (c)).
type Thresholds struct {
	FailOver     time.Duration // the secondary is active
	NotReady     time.Duration // HA isn't ready, or both are active
	Ready        time.Duration // HA is ready
	Connected    time.Duration // the tunnel is up
	Disconnected time.Duration // the tunnel is down
	Port         time.Duration // a port is down, or up
}

// Defaults are those of the source.
func Defaults() Thresholds {
	return Thresholds{
		FailOver:     35 * time.Second,
		NotReady:     30 * time.Second,
		Ready:        30 * time.Second,
		Connected:    30 * time.Second,
		Disconnected: 150 * time.Second,
		Port:         5 * time.Second,
	}
}

// Check says what is wrong with thresholds.
func (t Thresholds) Check() error {
	all := map[string]time.Duration{"fail_over": t.FailOver, "not_ready": t.NotReady, "ready": t.Ready,
		"connected": t.Connected, "disconnected": t.Disconnected, "port": t.Port}
	for name, d := range all {
		if d < 0 || d > 24*time.Hour {
			return fmt.Errorf("threshold %s: %s is not between 0 and 24h", name, d)
		}
	}
	// Two events of one kind have one of the other between them, so they are at
	// least this far apart; in neighbouring slots are such as are less than two apart.
	if t.NotReady+t.Ready < 2*SlotWidth {
		return fmt.Errorf("thresholds not_ready and ready: together %s, at least %s: else two events could not be told from one that both vSockets made",
			t.NotReady+t.Ready, 2*SlotWidth)
	}
	return nil
}

// MostStep is the most that the time between two readings counts: in a pause
// nobody has looked, so it makes nothing last.
const MostStep = 5 * time.Second

// lasting follows one condition until it has lasted. The zero value knows nothing.
type lasting struct {
	known, value bool // what is sure
	seen, next   bool // what was read last, if anything
	since        time.Duration
	wall         time.Time
}

// read takes a reading and tells whether the condition has become surely another.
// since and wall are from then on when it began.
func (l *lasting) read(now moments, value bool, rise, fall time.Duration) (changed bool) {
	if !l.seen || value != l.next {
		l.seen, l.next, l.since, l.wall = true, value, now.lived, now.wall
	}
	if l.known && l.value == value {
		return false
	}
	need := fall
	if value {
		need = rise
	}
	if now.lived-l.since < need {
		return false
	}
	changed = true
	l.known, l.value = true, value
	return changed
}

// moments is a time as the maker counts it and as people do.
type moments struct {
	lived time.Duration
	wall  time.Time
}
