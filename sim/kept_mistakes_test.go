//go:build mistakes

package sim

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"releve.dev/releve/core/slip"
)

// A schedule that names a mistake ("# breaks ...") fails with it: so it can.
func TestKeptSchedulesBreakMistakes(t *testing.T) {
	defer func() { slip.Chosen = "" }()
	broken := 0
	for _, file := range kept(t) {
		text, s := read(t, file)
		for _, mistake := range breaks(text) {
			if !slices.Contains(slip.All, mistake) {
				t.Errorf("%s: there is no mistake %q", file, mistake)
			}
			broken++
			slip.Chosen = mistake
			result := Run(s, nil)
			missed := slices.ContainsFunc(expectations(text), func(want string) bool { return result.Stats.meets(want) != nil })
			if result.Violation == nil && !missed {
				t.Errorf("%s doesn't see %s", filepath.Base(file), mistake)
			}
		}
	}
	if broken < 15 {
		t.Errorf("only %d mistakes are named", broken)
	}
}

func breaks(text string) (mistakes []slip.Mistake) {
	for line := range strings.Lines(text) {
		if list, is := strings.CutPrefix(line, "# breaks "); is {
			for _, word := range strings.Fields(list) {
				mistakes = append(mistakes, slip.Mistake(word))
			}
		}
	}
	return mistakes
}
