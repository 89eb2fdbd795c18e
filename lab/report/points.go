package report

import (
	"fmt"
	"slices"

	"releve.dev/releve/lab/term"
)

// Line is a crash point in one line, its name in full: it can be played again.
func (p *Point) Line(style term.Style) string {
	text := fmt.Sprintf("healed %4.1f s, out %4.1f s", p.HealedMS/1000, p.OutageMS/1000)
	switch {
	case p.Violations > 0:
		text = style.Bad(term.Pad("violated", len(text)))
	case !p.Met:
		text = style.Dim(term.Pad("its step did not come", len(text)))
	}
	return text + "  " + p.ID
}

// points sums the crash points up. Each has had its line when it was played;
// what a violated one did is shown here.
func (p *page) points(r *Report) {
	met, worst := 0, Point{}
	for _, point := range r.Points {
		if point.Met {
			met++
		}
		if point.HealedMS > worst.HealedMS {
			worst = point
		}
	}
	p.line("\n%d of %d met; the slowest to heal took %.1f s: %s", met, len(r.Points), worst.HealedMS/1000, worst.ID)
	for i, point := range r.Points {
		if point.Violations == 0 {
			continue
		}
		to := r.Timeline[len(r.Timeline)-1].AtMS
		if i+1 < len(r.Points) {
			to = r.Points[i+1].AtMS
		}
		around := *r
		around.Takeovers = nil
		around.Timeline = slices.DeleteFunc(slices.Clone(r.Timeline), func(e Event) bool { return e.AtMS < point.AtMS-before || e.AtMS > to })
		p.line("\n%s", p.style.Bold(point.ID))
		p.timeline(&around)
	}
}

// before is how much of the time before a kill is shown, in milliseconds.
const before = 2000
