package scenario

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

// Moment is a change of the active in which a crash point lies.
type Moment string

// The moments. In a takeover the primary's VM is gone; in a cut it lives, and
// learns from Azure that the secondary, which doesn't hear it, has taken over; in
// a handover it has lost its WAN and gives; in a failback it takes back.
const (
	Takeover Moment = "takeover"
	Cut      Moment = "cut"
	Handover Moment = "handover"
	Failback Moment = "failback"
)

// taker is who becomes active.
func (m Moment) taker() string {
	if m == Failback {
		return world.Primary
	}
	return world.Secondary
}

// moments are all of them.
var moments = []Moment{Takeover, Cut, Handover, Failback}

// has reports whether a vSocket's steps in a moment are points of it. Who crashes
// in a takeover has no part in it; who takes in a cut does as in a takeover.
func (m Moment) has(node string) bool {
	taker := node == m.taker()
	switch m {
	case Takeover:
		return taker
	case Cut:
		return !taker
	}
	return slices.Contains(moments, m)
}

// part is what a vSocket does in a moment, as points name it.
func (m Moment) part(node string) string {
	if node == m.taker() {
		return "taker"
	}
	return "giver"
}

// Point is a crash point: the moment before a vSocket's step.
type Point struct {
	Moment Moment
	Node   string // whose step it is
	Step   string
	Nth    int  // the how manieth of that name in the moment, from 1
	Both   bool // the other one is killed at the same moment
}

func (p Point) String() string {
	text := string(p.Moment) + "/" + p.Moment.part(p.Node) + "/" + p.Step
	if p.Nth > 1 {
		text += fmt.Sprintf("#%d", p.Nth)
	}
	if p.Both {
		text += "/both"
	}
	return text
}

// killed are the vSockets whose agents a point kills. In a takeover the other
// one is gone already, and comes back with the one that is killed.
func (p Point) killed() []string {
	if p.Both && p.Moment != Takeover {
		return vsockets
	}
	return []string{p.Node}
}

// revivesAll reports whether who is gone for another reason comes back too.
func (p Point) revivesAll() bool { return p.Both && p.Moment == Takeover }

// taken is a step that an agent took in a moment.
type taken struct{ node, step string }

// mostAlike is how many steps of one name in a moment are points: the first,
// and one again. More come only of retries, and differ in nothing.
const mostAlike = 2

// pointsOf makes crash points of the steps that a moment had when nobody was
// killed: each of them, with its vSocket alone and with both. A step that came
// in one of two plays alone is chance's, not the moment's.
func pointsOf(m Moment, steps, again []taken) (single, both []Point) {
	comes := map[taken]int{}
	for _, s := range again {
		comes[s]++
	}
	count := map[taken]int{}
	for _, s := range steps {
		if count[s]++; count[s] > min(comes[s], mostAlike) || !m.has(s.node) {
			continue
		}
		p := Point{Moment: m, Node: s.node, Step: s.step, Nth: count[s]}
		single = append(single, p)
		p.Both = true
		both = append(both, p)
	}
	return single, both
}

// mix deals the lists out in turn. So a secondary is killed every few points,
// and its back-off from earlier ones (R13) doesn't grow.
func mix(lists ...[]Point) (all []Point) {
	for i, more := 0, true; more; i++ {
		more = false
		for _, list := range lists {
			if i < len(list) {
				all, more = append(all, list[i]), true
			}
		}
	}
	return all
}

// Choice says which crash points are played. The zero value is all of them.
type Choice struct {
	Points int    // so many, drawn by the seed; 0: all
	Seed   uint64 // also of how long a killed agent is away
	Point  string // this one alone

	Told func(report.Point) // called after each; may be nil
}

// Check says what can't be chosen of a scenario.
func (c Choice) Check(s *Scenario) error {
	switch {
	case !s.pointwise && (c.Points != 0 || c.Point != ""):
		return fmt.Errorf("scenario %s has no crash points\nhint: releve lab run crash-points", s.Name)
	case c.Points < 0:
		return fmt.Errorf("%d crash points can't be drawn\nhint: at least 1, or 0 for all", c.Points)
	case c.Points > 0 && c.Point != "":
		return fmt.Errorf("--points draws some, --point names one\nhint: give one of the two")
	case c.Point != "" && !wellNamed(c.Point):
		return fmt.Errorf("crash point %q is %w\nhint: %s", c.Point, world.ErrUnknown, howNamed())
	}
	return nil
}

// howNamed is for who knows no point. Which steps there are is learned as they
// are played: nobody keeps a list.
func howNamed() string {
	var parts []string
	for _, m := range moments {
		for _, node := range vsockets {
			if m.has(node) {
				parts = append(parts, string(m)+"/"+m.part(node)+"/STEP")
			}
		}
	}
	return "one of " + strings.Join(parts, ", ") + ";\n" +
		"  then #2 for the second step of that name, /both to kill both: failback/taker/save#2/both;\n" +
		"  steps are named as they are played: releve lab run crash-points --points 5"
}

// wellNamed reports whether a point could have that name.
func wellNamed(point string) bool {
	part := strings.SplitN(point, "/", 3)
	if len(part) < 3 || strings.Trim(part[2], "/") == "" {
		return false
	}
	m := Moment(part[0])
	return slices.ContainsFunc(vsockets, func(node string) bool { return m.part(node) == part[1] && m.has(node) })
}

// of chooses: points in order, and how many of them must be met. One that isn't
// met makes room for the next.
func (c Choice) of(all []Point) (list []Point, most int, err error) {
	if c.Point != "" {
		for _, p := range all {
			if p.String() == c.Point {
				return []Point{p}, 1, nil
			}
		}
		return nil, 0, fmt.Errorf("crash point %q is %w\nhint: one of\n  %s", c.Point, world.ErrUnknown, pointNames(all, "\n  "))
	}
	if c.Points == 0 || c.Points >= len(all) {
		return all, len(all), nil
	}
	drawn := slices.Clone(all)
	slices.SortFunc(drawn, func(a, b Point) int { return cmp.Compare(c.lot(a, "drawn"), c.lot(b, "drawn")) })
	return drawn, c.Points, nil
}

func pointNames(points []Point, between string) string {
	var list []string
	for _, p := range points {
		list = append(list, p.String())
	}
	return strings.Join(list, between)
}

// lot is a number that the seed has for a point, whatever other points there
// are: a step more or less by chance changes no draw.
func (c Choice) lot(p Point, what string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(what + p.String())) // never fails (hash.Hash)
	return rand.New(rand.NewPCG(c.Seed, hash.Sum64())).Uint64()
}

// away is how long a killed agent is gone: back before its peer calls it
// silent, or after.
func (c Choice) away(p Point) time.Duration {
	return [...]time.Duration{50 * time.Millisecond, 500 * time.Millisecond}[c.lot(p, "away")%2]
}
