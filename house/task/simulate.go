package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// seedBudget is what CI lets a seed cost in CPU; `make bench` shows how far it
// is from that.
const seedBudget = 50 * time.Millisecond

// simulate runs seeds from start() on. What fails is shrunk, kept as a test of
// the package sim, and printed with the command that replays it.
func simulate(seeds int, start func() int) step {
	return step{name: "the simulator", run: func(ctx context.Context, s *shop) outcome {
		from := strconv.Itoa(start())
		s.screen.at("%d seeds from %s on", seeds, from)
		args := []string{"sim", "run", "--seeds", strconv.Itoa(seeds), "--start", from,
			"--budget", seedBudget.String(), "--keep", "sim/testdata"}
		out, err := s.output(ctx, nil, "bin/releve", args...)
		if err != nil {
			err = errors.Join(errors.New(strings.TrimSpace(string(out))), err)
		}
		o := one("releve "+strings.Join(args, " "), err)
		o.note = fmt.Sprintf("%d seeds from %s on, %s", seeds, from, costOf(out))
		return o
	}}
}

// costOf is the line before the last that `releve sim run` prints.
func costOf(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) < 2 {
		return "no word of what they cost"
	}
	return string(lines[len(lines)-2])
}

// always starts with the same seed.
func always() int { return 1 }

// today starts where no other day did, so that each day sees new seeds.
func today() int { return int(time.Now().Unix()/(24*60*60)) * 100_000 }

// mistakes plants each mistake of core/slip in a build of its own, and runs
// seeds until a property finds it. Nothing of them is in any other build.
var mistakes = step{name: "planted mistakes", run: func(ctx context.Context, s *shop) outcome {
	dir, err := os.MkdirTemp("", "releve-mistakes-")
	if err != nil {
		return one("plant mistakes", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	sum := s.goTest(ctx, nil, []string{"-tags=mistakes", "-run=Mistakes"}, s.choose(func(p pkg) bool { return shortPath(p.ImportPath) == "sim" }))
	program := filepath.Join(dir, "releve")
	if out, err := s.output(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-tags=mistakes", "-o", program, "./cmd/releve"); err != nil {
		return one("build with mistakes", errors.Join(errors.New(string(out)), err))
	}
	out, err := s.output(ctx, nil, program, "sim", "mistakes")
	if err != nil {
		sum.failures = append(sum.failures, failure{"releve sim mistakes", string(out) + err.Error()})
		return sum
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	sum.passed++
	sum.note = lines[len(lines)-1]
	return sum
}}
