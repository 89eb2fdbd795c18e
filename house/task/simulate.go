package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
