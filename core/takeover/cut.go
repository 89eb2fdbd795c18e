package takeover

import (
	"slices"
	"time"

	"releve.dev/releve/site"
)

// What hangs together in a journal.
const (
	// Patience is how long after the grant a takeover may go on. One whose steering
	// isn't done by then is told as far as it has come.
	Patience = 5 * time.Minute
	// lead is how long before the claim its first sign may be, and lull the longest
	// pause in between: what is further away is another matter.
	lead = time.Minute
	lull = 5 * time.Second
)

// ends are what a takeover's story ends with, besides its steering's end: somebody
// else's turn, or another life of the agent.
var ends = []string{"yielded", "deposed", "stopped", whatStarted, whatGranted}

// Cut finds the takeovers in rows of one vSocket's journal, the oldest first, that are
// over by now. pending says that the last one isn't.
func Cut(rows []site.Entry, side site.Side, now time.Time) (found []*Takeover, pending bool) {
	for i := range rows {
		term, is := grants(&rows[i])
		if !is {
			continue
		}
		last, over := end(rows, i)
		if !over && now.Sub(rows[i].Wall) < Patience && now.After(rows[i].Wall) {
			pending = true
			continue
		}
		found = append(found, of(rows[begin(rows, i):last+1], side, term))
	}
	return found, pending
}

// begin is the first row of what led to a grant.
func begin(rows []site.Entry, granted int) int {
	first := granted
	for i := granted - 1; i >= 0 && before(rows, i); i-- {
		if rows[i].What == whatClaim {
			first = i
			break
		}
	}
	claim := rows[first].At
	for first > 0 && before(rows, first-1) && rows[first].At-rows[first-1].At <= lull && claim-rows[first-1].At <= lead {
		first--
	}
	return first
}

// before says whether a row can be of the story of a later one: of the same life,
// and not the end of another takeover.
func before(rows []site.Entry, i int) bool {
	r := &rows[i]
	return r.At <= rows[i+1].At && r.What != whatSteered && r.What != whatGranted && r.What != whatStarted
}

// end is the last row of what followed a grant, and whether the story is over.
func end(rows []site.Entry, granted int) (last int, over bool) {
	for last = granted; last+1 < len(rows); last++ {
		next := &rows[last+1]
		if slices.Contains(ends, next.What) || next.At < rows[last].At || next.At-rows[granted].At > Patience {
			return last, true
		}
		if next.What == whatSteered {
			return last + 1, true
		}
	}
	return last, false
}

// of makes a takeover of rows. Of too many those in the middle are left out: the first
// say why, the last how it ended.
func of(rows []site.Entry, side site.Side, term site.Term) *Takeover {
	t := &Takeover{Term: term, Side: side, Rows: slices.Clone(rows)}
	if left := len(t.Rows) - MostRows; left > 0 {
		t.Left = left
		granted := t.granted()
		t.Rows = slices.Delete(t.Rows, MostRows/2, MostRows/2+left)
		if t.granted() < 0 {
			t.Rows[MostRows/2] = rows[granted]
		}
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		r.Wall = r.Wall.UTC()
		r.Who, r.What, r.Detail = tidy(r.Who, mostWord), tidy(r.What, mostWord), tidy(r.Detail, mostDetail)
	}
	return t
}
