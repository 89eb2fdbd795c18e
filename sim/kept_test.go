package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each schedule of testdata once showed a fault, which its first line names;
// each of testdata/rules breaks a simpler rule (ha-schedules.md, by number), and
// each of testdata/mistakes a planted mistake (core/slip).
// None may come back (B9).
func TestKeptSchedules(t *testing.T) {
	for _, file := range kept(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, s := read(t, file)
			result := Run(s, nil)
			if v := result.Violation; v != nil {
				t.Fatalf("%v\nreplay it: releve sim replay sim/%s", v, file)
			}
			for _, want := range expectations(text) {
				if err := result.Stats.meets(want); err != nil {
					t.Errorf("%v\nreplay it: releve sim replay sim/%s", err, file)
				}
			}
		})
	}
}

// kept are the schedules that run for ever after.
func kept(t *testing.T) (files []string) {
	for _, pattern := range [...]string{"testdata/*.txt", "testdata/rules/*.txt", "testdata/mistakes/*.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal("no schedules: ", pattern, err)
		}
		files = append(files, found...)
	}
	return files
}

func read(t *testing.T, file string) (text string, s *Schedule) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Parse(string(b)); err != nil {
		t.Fatal(err)
	}
	return string(b), s
}

// expectations are the words of the lines "# expect ...": figure=N, or figure<D.
func expectations(text string) (words []string) {
	for line := range strings.Lines(text) {
		if list, is := strings.CutPrefix(line, "# expect "); is {
			words = append(words, strings.Fields(list)...)
		}
	}
	return words
}

// meets holds a run's figures against an expectation.
func (s *Stats) meets(want string) error {
	if limit, is := strings.CutPrefix(want, "outage<"); is {
		d, err := time.ParseDuration(limit)
		if err == nil && s.Outage >= d {
			err = fmt.Errorf("outage is %v, want %s", s.Outage, want)
		}
		return err
	}
	name, _, _ := strings.Cut(want, "=")
	counts := map[string]int{"terms": s.Grants, "moves": s.Moves}
	n, known := counts[name]
	if got := fmt.Sprintf("%s=%d", name, n); !known || got != want {
		return fmt.Errorf("%s, want %s", got, want)
	}
	return nil
}

// P11: the same schedule gives the same hash, also when somebody listens, and
// when it has been through its text.
func TestSameSeedSameHash(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		s := Draw(seed)
		again, err := Parse(s.String())
		if err != nil {
			t.Fatal(err)
		}
		_, told := Tale(s)
		if a, b := Run(s, nil).Hash, Run(again, nil).Hash; a != b || a != told.Hash {
			t.Errorf("seed %d: hashes %x, %x, %x", seed, a, b, told.Hash)
		}
	}
}
