package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"releve.dev/releve/lab/term"
)

// A page of crash points fits a terminal, and shows what a violated one did and
// nothing of the others.
func TestPointsAreSummedUp(t *testing.T) {
	f := sample()
	f.Entries = append(f.Entries, f.Entries[0])
	f.Entries[len(f.Entries)-1].At += time.Minute
	f.Entries[len(f.Entries)-1].What = "far from it"
	r := Make("crash-points", "instant", f)
	r.Points = []Point{
		{ID: "handover/giver/says-active-unfit-steered-prepare/both", Met: true, AtMS: 900, HealedMS: 3400, OutageMS: 300, Violations: 1},
		{ID: "failback/taker/save", Met: true, AtMS: 30_000, HealedMS: 5200},
		{ID: "failback/taker/save#2", AtMS: 0},
	}
	r.Violations = []Violation{{Property: "ha.md 5.4", AtMS: 1200, Detail: "crash point handover/giver: two moves"}}
	var got bytes.Buffer
	for _, p := range r.Points {
		got.WriteString(p.Line(term.Style{}) + "\n")
	}
	r.WriteText(&got, term.Style{})
	for line := range strings.Lines(got.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{"violated ", "healed  5.2 s, out  0.0 s  failback", "its step did not come", "2 of 3 met; the slowest to heal took 5.2 s: failback/taker/save\n",
		WhatGranted, "violated: ha.md 5.4", "FAILED  scenario crash-points (instant): 3 crash points; 1 violation\n"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("%q is not in\n%s", want, got.String())
		}
	}
	if strings.Contains(got.String(), "far from it") {
		t.Errorf("another point's time is shown:\n%s", got.String())
	}
}
