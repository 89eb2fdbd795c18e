package status

import (
	"fmt"
	"slices"
	"time"
)

// Rule says for how long buckets of a width are kept.
type Rule struct{ Width, Keep time.Duration }

// Rules are those of a site's series, the finest first.
type Rules []Rule

// Retention is for how long a manager keeps what has happened.
type Retention struct {
	Events  time.Duration
	Figures Rules
}

// DefaultRules take 2,304 + 9,600 buckets for a vSocket at most: some 3 MB. Five
// minutes show what a failover did, for as long as somebody still asks, and beside
// the same weekday before; hours show a year, beside the same month before.
func DefaultRules() Rules {
	const day = 24 * time.Hour
	return Rules{{5 * time.Minute, 8 * day}, {time.Hour, 400 * day}}
}

// Closely is for buckets of the last minutes, beside the rules: of a vSocket that
// reports each second, as somebody looks at it, and of no other. Nothing is made of them.
var Closely = Rule{10 * time.Second, time.Hour}

// closeSpan is the longest that they are shown for.
const closeSpan = 15 * time.Minute

// Close says whether a bucket of that width was filled by somebody's looking.
func Close(b *Bucket) bool { return b.Samples >= 3 }

// Check says what is wrong with rules.
func (rules Rules) Check() error {
	if len(rules) == 0 {
		return fmt.Errorf("retention: no rule")
	}
	for i, r := range rules {
		switch {
		case r.Width < time.Second || 24*time.Hour%r.Width != 0:
			return fmt.Errorf("retention: buckets of %s don't divide a day", r.Width)
		case r.Keep < r.Width:
			return fmt.Errorf("retention: buckets of %s are kept for %s", r.Width, r.Keep)
		case i > 0 && (r.Width <= rules[i-1].Width || r.Width%rules[i-1].Width != 0):
			return fmt.Errorf("retention: buckets of %s can't be made of those of %s", r.Width, rules[i-1].Width)
		case i > 0 && r.Keep <= rules[i-1].Keep:
			return fmt.Errorf("retention: buckets of %s go before those of %s", r.Width, rules[i-1].Width)
		}
	}
	return nil
}

// Expire drops what a rule keeps no longer: buckets that have ended before.
func (r Rule) Expire(now time.Time, series []Bucket) []Bucket {
	until := now.Add(-r.Keep)
	i := slices.IndexFunc(series, func(b Bucket) bool { return b.Start.Add(r.Width).After(until) })
	if i < 0 {
		return nil
	}
	return series[i:]
}

// For picks the finest buckets that are still kept since from, and are at most
// most until the other end. Of a few minutes it is the close ones.
func (rules Rules) For(now, from, until time.Time, most int) Rule {
	if now.Sub(from) <= Closely.Keep && until.Sub(from) <= closeSpan {
		return Closely
	}
	for _, r := range rules {
		if now.Sub(from) <= r.Keep && until.Sub(from) <= time.Duration(most)*r.Width {
			return r
		}
	}
	return rules[len(rules)-1]
}
