package sim

import (
	"fmt"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/site"
)

// The longest time of a schedule, and how far off a clock may be, in parts per
// million: enough for any story, and far from where sums overflow.
const (
	longest  = 7 * 24 * time.Hour
	farthest = 100_000
	most     = 1_000_000 // of N
)

// check says why settings can't be run, or nil.
func (c *Settings) check() error {
	if _, err := profile.Parse(c.Profile); err != nil {
		problem, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Errorf("%s", problem)
	}
	least := map[*time.Duration]time.Duration{&c.Keepalive: time.Millisecond, &c.Silent: time.Millisecond, &c.Lease: time.Millisecond}
	for _, span := range c.spans() {
		if d := *span.value; d < least[span.value] || d > longest {
			return fmt.Errorf("%s=%v: not between %v and %v", span.name, d, least[span.value], longest)
		}
	}
	for _, drift := range c.Drift {
		if drift < -farthest || drift > farthest {
			return fmt.Errorf("drift: %d is more than %d parts per million", drift, farthest)
		}
	}
	return nil
}

// check says why a fault can't be run, or nil.
func (f *Fault) check() error {
	for _, d := range [...]time.Duration{f.At, f.For, f.D} {
		if d < 0 || d > longest {
			return fmt.Errorf("%s: %v is not between 0s and %v", f.Kind, d, longest)
		}
	}
	if f.N < 0 || f.N > most {
		return fmt.Errorf("%s: n=%d is not between 0 and %d", f.Kind, f.N, most)
	}
	if f.PoP < 0 || f.PoP > 2 {
		return fmt.Errorf("%s: pop=%d is neither 1 nor 2", f.Kind, f.PoP)
	}
	switch f.Kind {
	case Change:
		if f.D < 10*time.Millisecond || f.D > time.Second {
			return fmt.Errorf("%s: %v is not between 10ms and 1s", f.Kind, f.D)
		}
	case Move, Untag, Edit, Apply, Readdress, Solo:
		if f.Side == site.NoSide {
			return fmt.Errorf("%s: no side is named", f.Kind)
		}
	}
	return nil
}
