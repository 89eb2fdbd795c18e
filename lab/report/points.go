package report

import (
	"fmt"
	"slices"

	"releve.dev/releve/lab/term"
)

// Line is a crash point in one line.
func (p *Point) Line(style term.Style) string {
	text := term.Pad(p.ID, 48)
	switch {
	case p.Violations > 0:
		return style.Bad(text) + "  violated"
	case !p.Met:
		return style.Dim(text + "  its step did not come")
	}
	return fmt.Sprintf("%s  healed in %5.1f s, out %5.1f s", text, p.HealedMS/1000, p.OutageMS/1000)
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
