package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/manager/takeovers"
)

// story is a takeover as it is drawn.
type story struct {
	takeovers.Kept
	takeover.Times
	steps []takeover.Step
}

func storyOf(k takeovers.Kept) story { return story{k, k.Times(), k.Steps()} }

// bar is a span of time on a drawing that is a thousand units wide.
type bar struct{ look, x, width string }

const (
	wholeBar = 1000
	leastBar = 4 // what is shorter would not be seen
)

// span places one; whole is the drawing's time.
func span(look string, from, took, whole time.Duration) bar {
	scale := func(d time.Duration) float64 { return float64(d) / float64(max(whole, time.Millisecond)) * wholeBar }
	width := max(scale(took), leastBar)
	x := min(scale(from), wholeBar-width)
	return bar{look, strconv.FormatFloat(max(0, x), 'f', 1, 64), strconv.FormatFloat(width, 'f', 1, 64)}
}

// split is the time until the traffic was served, Azure's apart from ours, and what
// was done afterwards.
func (s story) split() []bar {
	all := []bar{span("later", 0, s.Ended, s.Ended), span("ours", 0, s.Until(), s.Ended)}
	for _, step := range s.steps {
		if step.Kind == takeover.Called && step.After < s.Until() {
			all = append(all, span("azure", step.After, min(step.Took, s.Until()-step.After), s.Ended))
		}
	}
	return all
}

// bar is a step's.
func (s story) bar(step takeover.Step) bar {
	return span(string(step.Kind), step.After, step.Took, s.Ended)
}

// took is a time that a person may compare: 172 ms, 6.65 s.
func took(f *Frame, d time.Duration) string {
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return decimal(f, fmt.Sprintf("%.2f", d.Seconds())) + " s"
}

// after is when a step was.
func after(f *Frame, d time.Duration) string {
	return "+" + decimal(f, fmt.Sprintf("%.3f", d.Seconds())) + " s"
}

// decimal writes a number's point as the language does.
func decimal(f *Frame, number string) string {
	return strings.Replace(number, ".", f.T("number.point"), 1)
}

// summary is a takeover in a line.
func (s story) summary(f *Frame) string {
	if s.Serving == 0 {
		return f.T("takeover.unserved", took(f, s.Ended))
	}
	return f.T("takeover.served", took(f, s.Serving), took(f, s.Azure), took(f, s.Ours()))
}
