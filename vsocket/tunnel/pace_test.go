package tunnel

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Each line of a story is "answered" or "missed", at so many milliseconds; a
// renewal is marked.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		answered, until, every int // ms: the last answer, the end, between two questions
		again                  int // one more answer at this time; 0: none
		want                   string
	}{
		"two missed are none":      {answered: 100, until: 220, every: 50, want: ""},
		"three, then ever slower":  {answered: 0, until: 30_000, every: 50, want: "150 650 1650 3650 7650 15650"},
		"an answer ends it":        {answered: 0, until: 2000, every: 50, again: 700, want: "150 650 1650"},
		"a rest makes it fast":     {answered: 5000, until: 5700, every: 50, want: "5150 5650"},
		"rarely asked, still soon": {answered: 0, until: 5000, every: 1000, want: "3000 4000 5000"},
	} {
		var p Pace
		var renewed []string
		for ms := 0; ms <= c.until; ms += c.every {
			now := time.Hour + time.Duration(ms)*time.Millisecond
			if ms <= c.answered || ms == c.again && ms > 0 {
				p.Answered(now)
			} else if p.Miss(now) {
				renewed = append(renewed, fmt.Sprint(ms))
			}
		}
		if got := strings.Join(renewed, " "); got != c.want {
			t.Errorf("%s: renewed at %q, want %q", name, got, c.want)
		}
	}
}

// A hint is worth one renewal in a row of misses, however often it comes, and what
// it began isn't thrown away at once.
func TestPaceTakesAHint(t *testing.T) {
	var p Pace
	var renewed []string
	for ms := 0; ms <= 8000; ms += 50 {
		now := time.Hour + time.Duration(ms)*time.Millisecond
		switch {
		case ms == 0 || ms == 4000:
			p.Answered(now)
			if p.Hint(now) {
				t.Error("renewed though the other end answers")
			}
		case p.Miss(now), (ms == 1500 || ms == 1550 || ms == 2500 || ms == 5600) && p.Hint(now):
			renewed = append(renewed, fmt.Sprint(ms))
		}
	}
	if got, want := strings.Join(renewed, " "), "150 650 1500 2000 4150 5600"; got != want {
		t.Errorf("renewed at %q, want %q", got, want)
	}
}

// Who answers between the misses isn't renewed in haste: each renewal costs what
// was on its way.
func TestPaceOfALossyWay(t *testing.T) {
	var p Pace
	renewed := 0
	for i := range 1200 { // a minute
		now := time.Hour + time.Duration(i)*50*time.Millisecond
		if i%4 == 0 {
			p.Answered(now)
		} else if p.Miss(now) {
			renewed++
		}
	}
	if renewed < 2 || renewed > 12 {
		t.Errorf("renewed %d times in a minute", renewed)
	}
}
