package site

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HASettings are what a site may decide of its pair (ha.md sections 2 and 3).
// What is zero is left to the vSocket: its default.
type HASettings struct {
	Timers
	Preempt string // on, off
	Alone   string // stay, stop
	Third   string // witness, arm
}

// Timers are the spans of it.
type Timers struct {
	Keepalive time.Duration // between two keepalives
	Silent    time.Duration // of silence, after which the peer counts as gone
	Lease     time.Duration // how long the active serves on the peer's word; by default as long as Silent
	Confirm   time.Duration // how long a silence lasts on, until the standby claims at Azure
	Hold      time.Duration // how long all must be well before the primary takes the role back
}

// DefaultTimers are ha.md's.
func DefaultTimers() Timers {
	return Timers{Keepalive: 50 * time.Millisecond, Silent: 200 * time.Millisecond, Lease: 200 * time.Millisecond,
		Confirm: time.Second, Hold: 10 * time.Second}
}

// Span has the bounds of a timer, both included.
type Span struct{ Least, Most time.Duration }

// The bounds of ha.md sections 2 and 3.
var (
	KeepaliveSpan = Span{10 * time.Millisecond, time.Second}
	SilentSpan    = Span{30 * time.Millisecond, 3 * time.Second}
	LeaseSpan     = Span{0, 3 * time.Second}
	ConfirmSpan   = Span{0, time.Minute}
	HoldSpan      = Span{0, time.Hour}
)

// SilentKeepalives is how many keepalives a silence, and a lease, outlast at the
// least.
const SilentKeepalives = 3

// The values of the texts, the default first.
var (
	Preempts = []string{"on", "off"}
	Alones   = []string{"stay", "stop"}
	Thirds   = []string{"witness", "arm"}
)

// Check says all that is wrong with the settings; nothing: nil. A timer that is
// left out is judged as its default.
func (h HASettings) Check() []Fault {
	var c checker
	c.span("keepalive", h.Keepalive, KeepaliveSpan)
	c.span("silent", h.Silent, SilentSpan)
	c.span("lease", h.Lease, LeaseSpan)
	c.span("confirm", h.Confirm, ConfirmSpan)
	c.span("hold", h.Hold, HoldSpan)
	if c.faults == nil {
		c.outlast(h.Timers)
	}
	c.choice("preempt", h.Preempt, Preempts)
	c.choice("alone", h.Alone, Alones)
	c.choice("third", h.Third, Thirds)
	return c.faults
}

// span allows 0, which is left out. Settings travel in whole milliseconds.
func (c *checker) span(field string, d time.Duration, s Span) {
	s.Least = max(s.Least, time.Millisecond)
	switch {
	case d == 0:
	case d < s.Least || d > s.Most:
		c.add(field, RuleTimer, "%s %s is not between %s and %s", field, d, s.Least, s.Most)
	case d%time.Millisecond != 0:
		c.add(field, RuleTimer, "%s %s has a part of a millisecond", field, d)
	}
}

func (c *checker) outlast(t Timers) {
	d := DefaultTimers()
	keepalive, silent := or(t.Keepalive, d.Keepalive), or(t.Silent, d.Silent)
	least := SilentKeepalives * keepalive
	if silent < least {
		c.add("silent", RuleTimer, "silent %s is shorter than %d keepalives of %s", silent, SilentKeepalives, keepalive)
	}
	if t.Lease != 0 && t.Lease < least {
		c.add("lease", RuleTimer, "lease %s is shorter than %d keepalives of %s", t.Lease, SilentKeepalives, keepalive)
	}
}

func or(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

func (c *checker) choice(field, text string, among []string) {
	if text != "" && !slices.Contains(among, text) {
		c.add(field, RuleChoice, "%s %q is none of %s", field, text, strings.Join(among, ", "))
	}
}

// MarshalJSON shows what was set, and times as people write them.
func (h HASettings) MarshalJSON() ([]byte, error) {
	set := map[string]string{}
	for name, d := range map[string]time.Duration{"keepalive": h.Keepalive, "silent": h.Silent, "lease": h.Lease, "confirm": h.Confirm, "hold": h.Hold} {
		if d != 0 {
			set[name] = d.String()
		}
	}
	for name, text := range map[string]string{"preempt": h.Preempt, "alone": h.Alone, "third": h.Third} {
		if text != "" {
			set[name] = text
		}
	}
	raw, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("HA settings: %w", err)
	}
	return raw, nil
}
