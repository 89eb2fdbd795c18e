package scenario

import (
	"time"

	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

// carried is for how long the lab has had a packet, at most, that a fault takes.
const carried = 100 * time.Millisecond

// cut is a fault that ends within a play of several, and the way back. Each is
// counted and judged by itself.
type cut struct {
	report.CutFacts
	want Range // moves up to the mending; as many lead back
}

// cut makes something go wrong, waits, mends it, and waits until the primary
// serves again.
func (s *stage) cut(node, kind string, want Range, settled func() error) error {
	return s.cutBy(node+" "+kind, want,
		func() error { return steps(func() error { return s.fault(node, kind) }, settled) },
		func() error { return s.mend(node, kind) })
}

// cutBy is a cut of several faults, which leaves them settled.
func (s *stage) cutBy(name string, want Range, wrong, mend func() error) error {
	c := cut{report.CutFacts{Name: name, Began: clock.Now()}, want}
	term := s.term()
	if err := wrong(); err != nil {
		return err
	}
	c.Mended = clock.Now()
	if err := steps(mend, func() error { return s.ready(world.Primary) }, s.crosses); err != nil {
		return err
	}
	c.Over = clock.Now()
	c.Moves, c.Failbacks = s.w.Moves(c.Began, c.Mended), s.w.Moves(c.Mended, c.Over)
	c.Terms = int(s.term() - term)
	s.ev.cuts = append(s.ev.cuts, c)
	return nil
}

// addCuts gives the report what the play has counted, and what the PoPs' kernels
// have told since.
func (ev *evidence) addCuts() {
	for i := range ev.cuts {
		c := &ev.cuts[i]
		c.TwoTunnels = ev.twoTunnels(c.Began, c.Over)
		ev.Facts.Cuts = append(ev.Facts.Cuts, c.CutFacts)
	}
}

// twoTunnels: at some moment of that time a PoP sent the site's traffic into both.
func (ev *evidence) twoTunnels(from, to time.Duration) bool {
	for i, d := range ev.Downstream {
		until := to
		for _, next := range ev.Downstream[i+1:] {
			if next.PoP == d.PoP {
				until = next.At
				break
			}
		}
		if len(d.Sides) > 1 && d.At < to && until >= from {
			return true
		}
	}
	return false
}

// checkCuts: one move there and one back at most, and no duel, in each cut, and
// no move between them. Two tunnels at once are broken in every scenario.
func checkCuts(ev *evidence) (list []finding) {
	if len(ev.cuts) == 0 {
		return fail(ev.Zero, "no cut was played to its end")
	}
	between := ev.Moves + ev.Failbacks
	for _, c := range ev.cuts {
		between -= c.Moves + c.Failbacks
		switch {
		case !c.want.has(c.Moves):
			list = append(list, fail(c.Began, "%s: %d floating IP moves, want %s", c.Name, c.Moves, c.want)...)
		case c.Failbacks != c.Moves:
			list = append(list, fail(c.Began, "%s: %d moves there, %d back", c.Name, c.Moves, c.Failbacks)...)
		case c.Duel():
			list = append(list, fail(c.Began, "%s: %d terms for %d moves: a duel", c.Name, c.Terms, c.Moves+c.Failbacks)...)
		}
	}
	if between != 0 {
		list = append(list, fail(ev.Zero, "%d floating IP moves in no cut", between)...)
	}
	return list
}
