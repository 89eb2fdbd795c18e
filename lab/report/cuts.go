package report

import (
	"fmt"
	"time"

	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/term"
)

// CutFacts are of one of several faults that a run has played one after another:
// it began, was mended, and was over when all was as before.
type CutFacts struct {
	Name                string // node and kind
	Began, Mended, Over time.Duration
	Moves, Failbacks    int // of the floating IP, up to the mending and after it
	Terms               int // granted
	TwoTunnels          bool
}

// Duel: the two have taken terms from each other, with nothing moved.
func (c *CutFacts) Duel() bool { return c.Terms > c.Moves+c.Failbacks }

// Cut is such a fault in the report.
type Cut struct {
	Name          string  `json:"name"`
	AtMS          float64 `json:"at_ms"`
	MendedAtMS    float64 `json:"mended_at_ms"`
	FIPMoves      int     `json:"fip_moves"`      // up to the mending
	FailbackMoves int     `json:"failback_moves"` // after it
	Terms         int     `json:"terms"`          // granted
	Duel          bool    `json:"duel"`           // more terms than moves
	TwoTunnels    bool    `json:"two_tunnels"`    // a PoP has sent the site's traffic into both at once
	WorstOutageMS float64 `json:"worst_outage_ms"`
}

// cuts counts each by itself. The report's own moves are then the most of any.
func (r *Report) cuts(f *Facts) {
	if len(f.Cuts) == 0 {
		return
	}
	r.FIPMoves, r.FailbackMoves = 0, 0
	for i := range f.Cuts {
		c := &f.Cuts[i]
		r.Cuts = append(r.Cuts, Cut{
			Name: c.Name, AtMS: MS(c.Began - f.Zero), MendedAtMS: MS(c.Mended - f.Zero),
			FIPMoves: c.Moves, FailbackMoves: c.Failbacks, Terms: c.Terms, Duel: c.Duel(), TwoTunnels: c.TwoTunnels,
			WorstOutageMS: MS(worstWithin(f.Outages, c.Began, c.Over)),
		})
		r.FIPMoves, r.FailbackMoves = max(r.FIPMoves, c.Moves), max(r.FailbackMoves, c.Failbacks)
	}
}

// worstWithin is the longest outage of either direction in a time. It has its
// middle there: what was on its way is lost to a cut that began after it was sent.
func worstWithin(all map[probe.Direction][]probe.Outage, from, to time.Duration) (longest time.Duration) {
	for _, outages := range all {
		for _, o := range outages {
			if middle := (o.From + o.To) / 2; middle >= from && middle < to {
				longest = max(longest, o.Length)
			}
		}
	}
	return longest
}

// cuts has two lines for each: what was done, and what came of it.
func (p *page) cuts(r *Report) {
	if len(r.Cuts) == 0 {
		return
	}
	p.heading("Cuts", "  each by itself, up to the mending and after it")
	for _, c := range r.Cuts {
		p.line("%s  %s  %s", p.style.Dim(stamp(c.AtMS)), c.Name, p.style.Dim("mended at "+fmt.Sprintf("%.1f", c.MendedAtMS)))
		bad := ""
		if c.Duel {
			bad += p.style.Bad(", a duel")
		}
		if c.TwoTunnels {
			bad += p.style.Bad(", two tunnels")
		}
		p.line("%s  %d %s, %d back, %d %s, worst outage %.1f ms%s", term.Pad("", 10), c.FIPMoves, plural(c.FIPMoves, "move", "moves"),
			c.FailbackMoves, c.Terms, plural(c.Terms, "term", "terms"), c.WorstOutageMS, bad)
	}
}
