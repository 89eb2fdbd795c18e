package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

func texts(points []Point) (list []string) {
	for _, p := range points {
		list = append(list, p.String())
	}
	return list
}

// Each step of a moment is a point, for its vSocket and for both; chance's
// steps and the third of a name aren't.
func TestPointsAreTheStepsOfTheMoment(t *testing.T) {
	p, s := world.Primary, world.Secondary
	steps := []taken{{s, "says-standby-yielded"}, {p, "save"}, {p, "put"}, {p, "put"}, {p, "put"}, {p, "says-suspended"}}
	again := []taken{{p, "save"}, {s, "says-standby-yielded"}, {p, "put"}, {p, "put"}, {p, "put"}}
	single, both := pointsOf(Failback, steps, again)
	want := []string{"failback/giver/says-standby-yielded", "failback/taker/save", "failback/taker/put", "failback/taker/put#2"}
	if got := texts(single); !slices.Equal(got, want) {
		t.Errorf("points %v, want %v", got, want)
	}
	for i, got := range texts(both) {
		if got != want[i]+"/both" {
			t.Errorf("point %s, want %s with both", got, want[i])
		}
	}
	if got, _ := pointsOf(Takeover, []taken{{p, "save"}, {s, "save"}}, []taken{{p, "save"}, {s, "save"}}); len(got) != 1 || got[0].Node != s {
		t.Errorf("points of a takeover %v: who crashed has no part in it", texts(got))
	}
	if got, _ := pointsOf(Cut, []taken{{p, "save"}, {s, "save"}}, []taken{{p, "save"}, {s, "save"}}); len(got) != 1 || got[0].Node != p {
		t.Errorf("points of a cut %v: who takes does as in a takeover", texts(got))
	}
}

// What a point kills: whose step it is, or both; the one that has crashed can't
// be killed again.
func TestWhoIsKilled(t *testing.T) {
	for _, c := range []struct {
		point Point
		want  []string
	}{
		{Point{Moment: Failback, Node: world.Secondary}, []string{world.Secondary}},
		{Point{Moment: Failback, Node: world.Secondary, Both: true}, vsockets},
		{Point{Moment: Takeover, Node: world.Secondary, Both: true}, []string{world.Secondary}},
	} {
		if got := c.point.killed(); !slices.Equal(got, c.want) {
			t.Errorf("%s kills %v, want %v", c.point, got, c.want)
		}
	}
}

// The same day draws the same points, in any run; one that isn't met makes room.
func TestADrawIsRepeatable(t *testing.T) {
	var all []Point
	for _, step := range strings.Fields("a b c d e f g h") {
		all = append(all, Point{Moment: Takeover, Node: world.Secondary, Step: step, Nth: 1})
	}
	draw := func(seed uint64) string {
		list, most, err := Choice{Points: 3, Seed: seed}.of(all)
		if err != nil || most != 3 || len(list) != len(all) {
			t.Fatalf("drawn %v, %d of them, error %v", list, most, err)
		}
		return pointNames(list[:most], " ")
	}
	if first, again := draw(7), draw(7); first != again {
		t.Errorf("one seed, two draws: %s, %s", first, again)
	}
	order, _, _ := Choice{Points: 3, Seed: 7}.of(all)
	chance := Point{Moment: Takeover, Node: world.Secondary, Step: "by-chance", Nth: 1}
	more, _, _ := Choice{Points: 3, Seed: 7}.of(slices.Insert(slices.Clone(all), 2, chance))
	if more = slices.DeleteFunc(more, func(p Point) bool { return p == chance }); !slices.Equal(more, order) {
		t.Errorf("a point more changes the draw from %v to %v", order, more)
	}
	if draw(7) == draw(8) && draw(8) == draw(9) {
		t.Error("three seeds, one draw")
	}
	if list, most, err := (Choice{}).of(all); err != nil || most != len(all) || !slices.Equal(list, all) {
		t.Errorf("all: %v, %d of them, error %v", list, most, err)
	}
	if list, most, err := (Choice{Point: "takeover/taker/c"}).of(all); err != nil || most != 1 || len(list) != 1 || list[0].Step != "c" {
		t.Errorf("one: %v, %d of them, error %v", list, most, err)
	}
	if _, _, err := (Choice{Point: "takeover/taker/z"}).of(all); !errors.Is(err, world.ErrUnknown) || !strings.Contains(err.Error(), "\nhint: one of\n  takeover/taker/a\n") {
		t.Errorf("an unknown point: %v", err)
	}
}

// What can't be chosen is said before a site is brought up.
func TestAChoiceIsChecked(t *testing.T) {
	points, err := Find("crash-points")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scenario *Scenario
		choice   Choice
		ok       bool
	}{
		{points, Choice{}, true}, {points, Choice{Points: 3, Seed: 1}, true}, {points, Choice{Point: "takeover/taker/save#2/both"}, true}, {failbackRow(t), Choice{}, true},
		{points, Choice{Points: -1}, false}, {points, Choice{Points: 3, Point: "x"}, false}, {failbackRow(t), Choice{Points: 3}, false},
		{failbackRow(t), Choice{Point: "takeover/taker/save"}, false},
		{points, Choice{Point: "x"}, false}, {points, Choice{Point: "takeover/taker/"}, false}, {points, Choice{Point: "takeover/giver/save"}, false},
		{points, Choice{Point: "cut/taker/save"}, false}, {points, Choice{Point: "lunch/taker/save"}, false},
	} {
		if err := c.choice.Check(c.scenario); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%+v of %s: %v", c.choice, c.scenario.Name, err)
		}
	}
}

// The strike comes before the step that was chosen, once, and the step waits.
func TestTheConductorStrikesBeforeTheStep(t *testing.T) {
	var c conductor
	c.before("primary", "save") // not armed: nothing but passed
	strikes := 0
	struck := c.arm(&Point{Node: "primary", Step: "save", Nth: 2}, func() { strikes++ })
	for _, s := range []taken{{"secondary", "save"}, {"primary", "put"}, {"primary", "save"}, {"secondary", "save"}} {
		c.before(s.node, s.step)
	}
	if strikes != 0 {
		t.Fatal("struck before the second save of the primary")
	}
	c.before("primary", "save")
	<-struck
	c.before("primary", "save")
	if strikes != 1 {
		t.Errorf("struck %d times, want once", strikes)
	}
	if steps := c.disarm(); len(steps) != 6 {
		t.Errorf("steps %v, want those since it was armed", steps)
	}
	c.before("primary", "save")
	if strikes != 1 {
		t.Error("struck after the end")
	}
}

// A broken promise at a point breaks the run, and says at which point; a point
// that was overloaded proves nothing.
func TestARunOfPointsIsJudgedByItsPoints(t *testing.T) {
	s, err := Find("crash-points")
	if err != nil {
		t.Fatal(err)
	}
	ev := good()
	ev.ARMHolders = nil // of the whole run: judged at each point, not again
	ev.points = []played{{report.Point{ID: "takeover/taker/save", Met: true}, 11 * sec}}
	if r := ev.judge(s, "instant", nil); !r.OK || len(r.Points) != 1 || r.Points[0].AtMS != 1000 {
		t.Errorf("ok %v, points %+v, violations %+v", r.OK, r.Points, r.Violations)
	}
	ev.broken = []finding{{"ha.md 5.1: one gate", 12 * sec, "crash point takeover/taker/save: both"}}
	if r := ev.judge(s, "instant", nil); r.OK || len(r.Violations) != 1 || r.Violations[0].AtMS != 2000 {
		t.Errorf("ok %v, violations %+v", r.OK, r.Violations)
	}
	ev.broken, ev.overload = nil, 3
	if r := ev.judge(s, "instant", errOverload); r.Exit() != report.ExitOverload || len(r.Violations) != 0 {
		t.Errorf("exit %d, violations %+v", r.Exit(), r.Violations)
	}
}
