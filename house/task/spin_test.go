package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What spin 6.5.2's search printed, shortened.
const (
	panHolds = `
(Spin Version 6.5.2 -- 6 December 2019)
	+ Breadth-First Search

Full statespace search for:
	never claim         	- (none specified)
	assertion violations	+

State-vector 52 byte, depth reached 23, errors: 0
   317005 states, stored
	  317005 nominal states (stored-atomic)
  1723101 transitions (= stored+matched)

unreached in init
	votes.pml:362, state 2605, "-end-"
	(1 of 2605 states)

pan: elapsed time 8.48 seconds
`
	panBreaks = `pan:1: assertion violated  !(two_gates) (at depth 7)
pan: wrote votes.pml.trail

(Spin Version 6.5.2 -- 6 December 2019)
Warning: Search not completed
	+ Breadth-First Search

Full statespace search for:
	never claim         	- (none specified)

State-vector 36 byte, depth reached 7, errors: 1
     8367 states, stored
`
)

func TestParsePan(t *testing.T) {
	whole := found{states: 317005, depth: 23}
	short := whole
	short.truncated = true
	lame := whole
	lame.unreached = []string{`votes.pml:99, state 12, "role[0] = 3"`}
	for _, c := range []struct {
		name, out string
		want      found
	}{
		{"holds", panHolds, whole},
		{"counter-example", panBreaks, found{states: 8367, depth: 7, violated: "two_gates", truncated: true}},
		{"deadlock", strings.Replace(panBreaks, "assertion violated  !(two_gates)", "invalid end state", 1),
			found{states: 8367, depth: 7, violated: "invalid end state", truncated: true}},
		{"a negated claim in parentheses", strings.Replace(panBreaks, "!(two_gates)", "!( !(two_gates))", 1),
			found{states: 8367, depth: 7, violated: "assertion violated  !( !(two_gates))", truncated: true}},
		{"no memory left", "pan: out of memory\n" + panHolds, short},
		{"depth reached", "error: max search depth too small\n" + panHolds, short},
		{"states hashed away", strings.Replace(panHolds, "Full statespace search", "Bit statespace search", 1), short},
		{"a rule never reached", strings.Replace(panHolds, "\tvotes.pml:362", "\tvotes.pml:99, state 12, \"role[0] = 3\"\n\tvotes.pml:362", 1), lame},
	} {
		got, err := parsePan([]byte(c.out))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.states != c.want.states || got.depth != c.want.depth || got.violated != c.want.violated ||
			got.truncated != c.want.truncated || !slices.Equal(got.unreached, c.want.unreached) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestParsePanRefusesWhatIsNoResult(t *testing.T) {
	for name, out := range map[string]string{
		"nothing":             "",
		"ended early":         "pan: killed\n",
		"an error unnamed":    strings.Replace(panHolds, "errors: 0", "errors: 1", 1),
		"a name but no error": strings.Replace(panBreaks, "errors: 1", "errors: 0", 1),
	} {
		if f, err := parsePan([]byte(out)); err == nil {
			t.Errorf("%s: taken for %+v", name, f)
		}
	}
}

// A search passes only if it ended as it should, and for the right reason.
func TestJudge(t *testing.T) {
	whole := search{model: model{name: "votes"}}
	broken := search{whole.model, broken{"NO_WAIT", "two_gates"}}
	for _, c := range []struct {
		name string
		s    search
		f    found
		ok   bool
	}{
		{"holds", whole, found{states: 9}, true},
		{"fails", whole, found{states: 9, violated: "two_gates"}, false},
		{"not exhaustive", whole, found{states: 9, truncated: true}, false},
		{"reaches not all", whole, found{states: 9, unreached: []string{"a rule"}}, false},
		{"break found", broken, found{states: 9, violated: "two_gates", truncated: true}, true},
		{"break not found", broken, found{states: 9}, false},
		{"another claim fails", broken, found{states: 9, violated: "strays", truncated: true}, false},
	} {
		if err := (ended{found: c.f}).judge(c.s); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// No break in spec is left out of the plan, none in the plan is missing there,
// each has its word in spec's README, and each claim of a file fails by one.
func TestEveryBreakIsPlanned(t *testing.T) {
	spec := filepath.Join("..", "..", "spec")
	files, err := filepath.Glob(filepath.Join(spec, "*.pml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no model in spec: %v", err)
	}
	readme, err := os.ReadFile(filepath.Join(spec, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written := regexp.MustCompile(`BREAK_[A-Z_]+`).FindAllString(string(text), -1)
		slices.Sort(written)
		written = slices.Compact(written)
		var planned, fails []string
		for _, m := range models {
			for _, b := range m.breaks {
				if m.file == filepath.Base(file) {
					planned, fails = append(planned, "BREAK_"+b.rule), append(fails, b.claim)
				}
				if !strings.Contains(string(readme), "`"+b.rule+"`") {
					t.Errorf("spec/README.md doesn't explain the break %s", b.rule)
				}
			}
		}
		for _, claim := range regexp.MustCompile(`assert\(!(\w+)\)`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(fails, claim[1]) {
				t.Errorf("%s claims %s, which no break makes fail", file, claim[1])
			}
		}
		slices.Sort(planned)
		if planned = slices.Compact(planned); !slices.Equal(written, planned) {
			t.Errorf("%s has the breaks\n%q\nplanned are\n%q", file, written, planned)
		}
	}
}
