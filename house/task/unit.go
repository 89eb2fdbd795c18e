package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

var unitRace = step{name: "unit tests with -race", run: func(ctx context.Context, s *shop) outcome {
	chosen := s.choose(func(p pkg) bool {
		return p.hasTests() && !p.dear() && !p.isSimulator() && !p.isRules() && !p.isLabsBrowser()
	})
	return s.goTest(ctx, []string{"CGO_ENABLED=1"}, []string{"-race"}, chosen)
}}

var unitPlain = step{name: "simulator, Azure's SDK", run: func(ctx context.Context, s *shop) outcome {
	chosen := s.choose(func(p pkg) bool { return p.hasTests() && (p.dear() || p.isSimulator()) })
	return s.goTest(ctx, nil, nil, chosen)
}}

// proofs are tests that run in a small size among the others: no event is lost, and
// each page in each language and look.
var proofs = step{name: "proofs in full size", run: func(ctx context.Context, s *shop) outcome {
	chosen := s.choose(func(p pkg) bool {
		return shortPath(p.ImportPath) == "manager/fleet" || slices.Contains(pagesOf, shortPath(p.ImportPath))
	})
	return s.goTest(ctx, []string{"RELEVE_FULL=1"}, []string{"-run=LosesNoEvent|Browser.*Page"}, chosen)
}}

// rules isn't cached: it judges files that its own package doesn't import.
var rules = step{name: "the repo's own rules", run: func(ctx context.Context, s *shop) outcome {
	return s.goTest(ctx, nil, []string{"-count=1"}, s.choose(pkg.isRules))
}}

func (s *shop) choose(want func(pkg) bool) []string {
	var paths []string
	for _, p := range s.list {
		if want(p) {
			paths = append(paths, p.ImportPath)
		}
	}
	return paths
}

// goTest runs the packages' tests. Go's own vet is left to the step "vet".
func (s *shop) goTest(ctx context.Context, env, flags, packages []string) outcome {
	if len(packages) == 0 {
		return outcome{note: "no such package", uncounted: true}
	}
	tally := newTally()
	args := append([]string{"test", "-json", "-vet=off", "-timeout=15m"}, flags...)
	err := s.lines(ctx, env, func(line []byte) {
		tally.add(line)
		s.screen.at("%d of %d packages, %d passed", tally.packages, len(packages), tally.out.passed)
	}, "go", append(args, packages...)...)
	return tally.outcome(err)
}

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output
	Test        string
	Output      string
	FailedBuild string
	Elapsed     float64
}

// tally counts the events of a run. Each test and each subtest counts, and a
// package that fails without a failing test counts as one failure.
type tally struct {
	out      outcome
	packages int
	ended    []event                     // of packages, the slowest first, as many as are told
	said     map[string]*strings.Builder // by package and test, and by package that didn't build
	blamed   map[string]bool             // packages in which a test has failed
	stray    strings.Builder             // lines that aren't events
}

func newTally() *tally {
	return &tally{said: map[string]*strings.Builder{}, blamed: map[string]bool{}}
}

func (t *tally) add(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		fmt.Fprintf(&t.stray, "%s\n", line)
		return
	}
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		t.log(key).WriteString(e.Output)
	case "build-output":
		t.log(e.ImportPath).WriteString(e.Output)
	case "pass", "skip", "fail":
		t.end(e, key)
	}
}

func (t *tally) log(key string) *strings.Builder {
	if t.said[key] == nil {
		t.said[key] = &strings.Builder{}
	}
	return t.said[key]
}

func (t *tally) end(e event, key string) {
	if e.Test == "" {
		t.packages++
		t.rank(e)
	}
	switch {
	case e.Action == "fail" && e.Test != "":
		t.blamed[e.Package] = true
		t.fail(e.Package+" "+e.Test, t.log(key).String())
	case e.Action == "fail" && e.FailedBuild != "":
		t.fail(e.Package+" (build)", t.log(e.FailedBuild).String())
	case e.Action == "fail" && !t.blamed[e.Package]:
		t.fail(e.Package, t.log(key).String())
	case e.Test == "":
	case e.Action == "pass":
		t.out.passed++
	case e.Action == "skip":
		t.out.skipped++
	}
	delete(t.said, key)
}

func (t *tally) fail(name, seen string) {
	t.out.failures = append(t.out.failures, failure{name, seen})
}

// outcome is the sum; err is how `go test` ended. An end with an error that no
// event explains is a failure too.
func (t *tally) outcome(err error) outcome {
	if err != nil && len(t.out.failures) == 0 {
		t.fail("go test", t.stray.String()+err.Error())
	}
	if len(t.ended) > 0 {
		t.out.note = "slowest"
	}
	for i, e := range t.ended {
		if i > 0 {
			t.out.note += ";"
		}
		took := time.Duration(e.Elapsed * float64(time.Second)).Round(100 * time.Millisecond)
		t.out.note += fmt.Sprintf(" %s, %s", shortPath(e.Package), took)
	}
	return t.out
}

// rank keeps the slowest packages: where `make test` could become faster.
func (t *tally) rank(e event) {
	if e.Elapsed == 0 {
		return
	}
	t.ended = append(t.ended, e)
	slices.SortStableFunc(t.ended, func(a, b event) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	t.ended = t.ended[:min(len(t.ended), told)]
}

// told is how many of the slowest are named.
const told = 5

// shortPath is an import path without the module's.
func shortPath(path string) string {
	_, rest, found := strings.Cut(path, "/releve/")
	if !found {
		return path
	}
	return rest
}
