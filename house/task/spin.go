package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

var modelNeeds = []need{
	{"gcc", "spin's search is a C program", func() bool { return compiles("int main(void){return 0;}") }},
	{"libc6-dev", "spin's search is a C program", func() bool { return compiles("#include <stdlib.h>\nint main(void){return 0;}") }},
	{"spin", "it searches the models in spec/", func() bool { return has("spin") }},
}

var modelsHold = step{name: "the models in spec/", run: func(ctx context.Context, s *shop) outcome {
	return s.searchAll(ctx, plan(models))
}}

// search is one run of spin: of a model whole, or with one rule broken.
type search struct {
	model
	broken broken // none if its rule is ""
}

func (s search) String() string {
	if s.broken.rule == "" {
		return s.name
	}
	return s.name + " with " + strings.ToLower(strings.ReplaceAll(s.broken.rule, "_", "-"))
}

func plan(models []model) []search {
	var all []search
	for _, m := range models {
		all = append(all, search{model: m})
		for _, b := range m.breaks {
			all = append(all, search{m, b})
		}
	}
	return all
}

// searchAll runs as many searches at once as there are processors, and tells
// of them in the plan's order.
func (s *shop) searchAll(ctx context.Context, all []search) outcome {
	ends := make([]chan ended, len(all))
	for i := range ends {
		ends[i] = make(chan ended, 1)
	}
	free := make(chan struct{}, runtime.NumCPU())
	go func() {
		for i, one := range all {
			free <- struct{}{}
			go func() {
				ends[i] <- s.search(ctx, one)
				<-free
			}()
		}
	}()
	var sum outcome
	for i, one := range all {
		s.screen.at("%d of %d: %s", i+1, len(all), one)
		v := <-ends[i]
		if err := v.judge(one); err != nil {
			sum.failures = append(sum.failures, failure{"spec/" + one.file + ": " + one.String(), err.Error()})
			continue
		}
		sum.passed++
		s.screen.say("    %s", v.line(one))
	}
	return sum
}

// ended is how a search ended.
type ended struct {
	found
	took time.Duration // of the search alone
	err  error
}

// line is the ended for people.
func (v ended) line(s search) string {
	end := "holds; " + s.bounds
	if s.broken.rule != "" {
		end = fmt.Sprintf("counter-example as expected: %s after %d steps", v.violated, v.depth)
	}
	return fmt.Sprintf("%-36s %8d states %5.1f s  %s", s, v.states, v.took.Seconds(), end)
}

// judge says what is wrong with the ended, or returns nil.
func (v ended) judge(s search) error {
	switch {
	case v.err != nil:
		return v.err
	case s.broken.rule != "" && v.violated == "":
		return fmt.Errorf("no counter-example in %d states\nhint: the claim %s can't fail, or the switch BREAK_%s breaks nothing",
			v.states, s.broken.claim, s.broken.rule)
	case s.broken.rule != "" && v.violated != s.broken.claim:
		return fmt.Errorf("%s fails after %d steps; %s was expected to", v.violated, v.depth, s.broken.claim)
	case s.broken.rule == "" && v.violated != "":
		return fmt.Errorf("%s fails after %d steps\n%s", v.violated, v.depth, v.trail)
	case s.broken.rule == "" && v.truncated:
		return fmt.Errorf("the search is not exhaustive: it ended after %d states", v.states)
	case s.broken.rule == "" && len(v.unreached) > 0:
		return fmt.Errorf("what is never reached proves nothing:\n%s", strings.Join(v.unreached, "\n"))
	}
	return nil
}

// search translates a model, compiles it and runs it, in a folder of its own.
func (s *shop) search(ctx context.Context, one search) ended {
	dir, err := os.MkdirTemp(s.temp, "spin-")
	if err != nil {
		return ended{err: fmt.Errorf("make a folder for spin: %w", err)}
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left goes with the shop
	at := func(name string, args ...string) ([]byte, error) {
		return s.outputIn(ctx, dir, nil, name, args...)
	}
	file := filepath.Join(s.root, "spec", one.file)
	if out, err := at("spin", append(one.defines(), "-a", file)...); err != nil || bytes.Contains(out, []byte("Error: ")) {
		return ended{err: errors.Join(fmt.Errorf("spin refuses the model:\n%s", out), err)}
	}
	if _, err := at("gcc", searching...); err != nil {
		return ended{err: err}
	}
	began := time.Now()
	out, err := at("./pan", "-w20")
	v := ended{took: time.Since(began)}
	if v.found, v.err = parsePan(out); v.err != nil {
		v.err = errors.Join(v.err, err)
	}
	if v.violated != "" && one.broken.rule == "" {
		trail, err := at("spin", append(one.defines(), "-t", "-p", file)...)
		v.trail, v.err = string(trail), errors.Join(v.err, err)
	}
	return v
}

func (s search) defines() []string {
	var flags []string
	for _, d := range s.with {
		flags = append(flags, "-D"+d)
	}
	if s.broken.rule != "" {
		flags = append(flags, "-DBREAK_"+s.broken.rule)
	}
	return flags
}

// searching is a breadth-first search that keeps every state whole: the
// counter-example is a shortest one, and nothing is left out by a hash. To
// optimize the program costs more seconds than it saves.
var searching = []string{"-O0", "-w", "-DSAFETY", "-DBFS", "-DNOREDUCE", "-DMEMLIM=4096", "-o", "pan", "pan.c"}

// found is what the search program printed.
type found struct {
	states    int
	depth     int
	violated  string // the claim, or what else went wrong; "" if nothing did
	truncated bool
	unreached []string
	trail     string
}

var (
	panStates    = regexp.MustCompile(`(?m)^\s*(\d+) states, stored`)
	panErrors    = regexp.MustCompile(`(?m)^State-vector .* depth reached (\d+), errors: (\d+)`)
	panViolated  = regexp.MustCompile(`(?m)^pan:\d+: (.*) \(at depth (\d+)\)`)
	panClaim     = regexp.MustCompile(`^assertion violated +!\(?(\w+)\)?$`)
	panUnreached = regexp.MustCompile(`(?m)^\t\S+:\d+, state \d+, ".*"$`)
	panWhole     = regexp.MustCompile(`(?m)^Full statespace search for:`)
)

// panShort are the words that a search prints that has not seen everything.
var panShort = []string{"Search not completed", "max search depth too small", "out of memory", "-DMEMLIM", "hash-compact", "Bit statespace"}

// parsePan reads what spin's search program prints at its end.
func parsePan(out []byte) (found, error) {
	states, end := panStates.FindSubmatch(out), panErrors.FindSubmatch(out)
	if states == nil || end == nil {
		return found{}, fmt.Errorf("the search has printed no result:\n%s", out)
	}
	f := found{states: number(states[1]), depth: number(end[1]), truncated: !panWhole.Match(out)}
	for _, word := range panShort {
		f.truncated = f.truncated || bytes.Contains(bytes.ToLower(out), []byte(strings.ToLower(word)))
	}
	if v := panViolated.FindSubmatch(out); v != nil {
		f.violated, f.depth = string(v[1]), number(v[2])
		if claim := panClaim.FindSubmatch(v[1]); claim != nil {
			f.violated = string(claim[1])
		}
	}
	if errors := number(end[2]); (errors > 0) != (f.violated != "") {
		return found{}, fmt.Errorf("the search has counted %d errors, and named %q:\n%s", errors, f.violated, out)
	}
	for _, line := range panUnreached.FindAll(out, -1) {
		if !bytes.HasSuffix(line, []byte(`"-end-"`)) { // a model never ends
			f.unreached = append(f.unreached, strings.TrimSpace(string(line)))
		}
	}
	return f, nil
}

// number reads what a pattern has found to be digits.
func number(digits []byte) int {
	n, _ := strconv.Atoi(string(digits))
	return n
}
