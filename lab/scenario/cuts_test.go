package scenario

import (
	"slices"
	"testing"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// twoCuts is a good run of two cuts, with one move there and one back in each.
func twoCuts() *evidence {
	at := func(t time.Duration, name string) cut {
		return cut{report.CutFacts{Name: name, Began: t, Mended: t + 5*sec, Over: t + 9*sec, Moves: 1, Failbacks: 1, Terms: 2}, one}
	}
	return &evidence{
		Facts: &report.Facts{Zero: 10 * sec, Moves: 4}, // there is no heal: to the lab all is one story
		cuts:  []cut{at(10*sec, "primary lan-cut-in"), at(20*sec, "primary lan-cut-out")},
	}
}

// Each cut is judged by itself: what two have together is no violation, and what
// one has too much of is one.
func TestEachCutIsJudgedAlone(t *testing.T) {
	row, err := Find("one-way-cut")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(ev *evidence) []finding {
		ev.addCuts()
		ev.Report = report.Make(row.Name, "instant", ev.Facts)
		return append(checkCounts(row, ev), checkCuts(ev)...)
	}
	ev := twoCuts()
	if found := judge(ev); len(found) > 0 || ev.Report.FIPMoves != 1 || ev.Report.FailbackMoves != 1 {
		t.Errorf("a good run: %v, %d moves, %d back", found, ev.Report.FIPMoves, ev.Report.FailbackMoves)
	}
	for want, spoil := range map[string]func(ev *evidence){
		"primary lan-cut-out: 0 floating IP moves, want 1": func(ev *evidence) { ev.cuts[1].Moves, ev.cuts[1].Failbacks = 0, 0 },
		"primary lan-cut-out: 2 floating IP moves, want 1": func(ev *evidence) { ev.cuts[1].Moves = 2 },
		"primary lan-cut-in: 1 moves there, 2 back":        func(ev *evidence) { ev.cuts[0].Failbacks = 2 },
		"primary lan-cut-in: 4 terms for 2 moves: a duel":  func(ev *evidence) { ev.cuts[0].Terms = 4 },
		"1 floating IP moves in no cut":                    func(ev *evidence) { ev.Failbacks = 1 },
		"2 moves after the heal, want 0 to 1":              func(ev *evidence) { ev.cuts[0].Failbacks = 2 },
		"no cut was played to its end":                     func(ev *evidence) { ev.cuts = nil },
	} {
		ev := twoCuts()
		spoil(ev)
		if found := judge(ev); !slices.ContainsFunc(found, func(f finding) bool { return f.detail == want }) {
			t.Errorf("found %v, want %s", found, want)
		}
	}
}

// Two tunnels at once are told of the cut in which that was, also if it began
// before, and by the invariant of every scenario.
func TestTwoTunnelsAreToldOfTheirCut(t *testing.T) {
	step := func(at time.Duration, pop string, sides ...site.Side) world.Downstream {
		return world.Downstream{At: at, PoP: pop, Sides: sides}
	}
	for name, c := range map[string]struct {
		steps []world.Downstream
		want  [2]bool
	}{
		"one each":         {[]world.Downstream{step(12*sec, world.PoP1, site.Primary), step(12*sec, world.PoP2, site.Secondary)}, [2]bool{}},
		"in the second":    {[]world.Downstream{step(21*sec, world.PoP1, site.Primary, site.Secondary), step(22*sec, world.PoP1, site.Primary)}, [2]bool{false, true}},
		"before the first": {[]world.Downstream{step(sec, world.PoP1, site.Primary, site.Secondary), step(2*sec, world.PoP1, site.Primary)}, [2]bool{}},
		"from the first on": {[]world.Downstream{step(12*sec, world.PoP1, site.Primary, site.Secondary), step(13*sec, world.PoP2, site.Primary)},
			[2]bool{true, true}},
	} {
		ev := twoCuts()
		ev.Downstream = c.steps
		ev.addCuts()
		got := [2]bool{ev.Facts.Cuts[0].TwoTunnels, ev.Facts.Cuts[1].TwoTunnels}
		if got != c.want {
			t.Errorf("%s: two tunnels in %v, want %v", name, got, c.want)
		}
		if found := oneTunnel(ev); (len(found) > 0) != (name != "one each") {
			t.Errorf("%s: the invariant finds %v", name, found)
		}
	}
}

// More terms than moves are a duel, also where a single fault was played.
func TestADuelOfASingleFault(t *testing.T) {
	ev := &evidence{Facts: &report.Facts{Moves: 1, Failbacks: 1}, Before: 3, After: 5}
	if found := checkDuel(ev); len(found) > 0 {
		t.Errorf("two terms for two moves: %v", found)
	}
	if ev.After = 6; len(checkDuel(ev)) == 0 {
		t.Error("three terms for two moves: nothing found")
	}
}
