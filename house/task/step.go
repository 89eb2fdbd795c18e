package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// step is one thing to do, with a name for people.
type step struct {
	name string
	run  func(context.Context, *shop) outcome
	gate bool // what follows makes no sense if this fails
}

// outcome is what a step found. A step that isn't made of tests counts as one.
type outcome struct {
	passed, skipped int
	failures        []failure
	note            string // one line: what was done or why nothing
	uncounted       bool   // preparation: counts only if it fails
}

// failure names what failed, and what was seen.
type failure struct{ name, seen string }

// one is the outcome of a step that either holds or doesn't.
func one(name string, err error) outcome {
	if err != nil {
		return outcome{failures: []failure{{name, err.Error()}}}
	}
	return outcome{passed: 1}
}

// prepared is one for a step that proves nothing by itself.
func prepared(name, note string, err error) outcome {
	o := one(name, err)
	o.passed, o.uncounted, o.note = 0, true, note
	return o
}

// do runs the steps in order and prints the sum: a person and a program both
// find it in the last line. A run that proved nothing has failed.
func (s *shop) do(ctx context.Context, steps ...step) error {
	var sum outcome
	counted := false
	began := time.Now()
	for _, st := range steps {
		o := s.runStep(ctx, st)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sum.passed += o.passed
		sum.skipped += o.skipped
		sum.failures = append(sum.failures, o.failures...)
		counted = counted || !o.uncounted
		if st.gate && len(o.failures) > 0 {
			break
		}
	}
	if !counted && len(sum.failures) == 0 {
		return nil
	}
	return s.closing(sum, time.Since(began))
}

func (s *shop) runStep(ctx context.Context, st step) outcome {
	began := time.Now()
	stop := s.screen.watch(st.name)
	o := st.run(ctx, s)
	stop()
	if ctx.Err() == nil {
		s.screen.say("  %-22s %6.1f s  %s", st.name, time.Since(began).Seconds(), o.String())
		for _, f := range o.failures {
			s.screen.say("\n    FAILED: %s\n%s\n", f.name, indent(f.seen))
		}
	}
	return o
}

// String is the outcome in a few words.
func (o outcome) String() string {
	var words []string
	if !o.uncounted || len(o.failures) > 0 {
		words = append(words, o.counts())
	}
	if o.note != "" {
		words = append(words, o.note)
	}
	return strings.Join(words, "; ")
}

func (o outcome) counts() string {
	text := fmt.Sprintf("%d passed, %d failed", o.passed, len(o.failures))
	if o.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", o.skipped)
	}
	return text
}

func (s *shop) closing(sum outcome, took time.Duration) error {
	if sum.passed == 0 && len(sum.failures) == 0 {
		sum.failures = []failure{{"no test was run", ""}}
	}
	s.screen.say("\n%.0f s in all", took.Seconds())
	for _, f := range sum.failures {
		s.screen.say("failed: %s", f.name)
	}
	s.screen.say("%s", sum.counts())
	if len(sum.failures) > 0 {
		return errFailed
	}
	return nil
}
