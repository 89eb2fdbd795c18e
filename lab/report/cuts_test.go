package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"releve.dev/releve/lab/term"
	"releve.dev/releve/site"
)

// cuts is a run of two, of which the first is what sample tells.
func cuts() *Facts {
	f := sample()
	f.Moves = 3 // of both: nothing was healed, all was mended
	back := func(at time.Duration, what string) site.Entry {
		return site.Entry{At: f.Zero + at, Who: "primary", What: what}
	}
	f.Entries = append(f.Entries, back(12*time.Second, WhatGranted), back(12*time.Second+80*ms, WhatOpened))
	f.Cuts = []CutFacts{
		{Name: "primary lan-cut-in", Began: f.Zero, Mended: f.Zero + 3*time.Second, Over: f.Zero + 15*time.Second, Moves: 1, Failbacks: 1, Terms: 2},
		{Name: "secondary witness-late, primary crash", Began: f.Zero + 20*time.Second, Mended: f.Zero + 23*time.Second, Over: f.Zero + 35*time.Second,
			Moves: 1, Terms: 4, TwoTunnels: true},
	}
	return f
}

// Programs read each cut apart, and what is the most of any where they look for
// the moves of a single fault.
func TestCutsAreCountedApart(t *testing.T) {
	r := Make("one-way-cut", "instant", cuts())
	var asJSON bytes.Buffer
	if err := r.WriteJSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/cuts.json", []byte(section(asJSON.String(), "\"fip_moves\"", "\"timeline\"")))
}

// section is a text from one word to another.
func section(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return from + text
}

// People read them too, in 80 columns; and the way back from a cut is a failback.
func TestCutsAreShown(t *testing.T) {
	var got bytes.Buffer
	Make("one-way-cut", "instant", cuts()).WriteText(&got, term.Style{})
	for line := range strings.Lines(got.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, want := range []string{
		"failback by the primary (primary lan-cut-in mended):\n",
		"      +0.0  primary lan-cut-in  mended at 3000.0\n            1 move, 1 back, 2 terms, worst outage 1253.0 ms\n",
		"1 move, 0 back, 4 terms, worst outage 0.0 ms, a duel, two tunnels\n",
		"FAILED  scenario one-way-cut (instant): 2 cuts; 0 violations\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("%q is not in\n%s", want, got.String())
		}
	}
}
