package sim

import (
	"os"
	"path/filepath"
	"testing"
)

// Each kept schedule once showed a fault, which its first line names. None may
// come back (B9).
func TestKeptSchedules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no schedules in testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if v := Run(s, nil).Violation; v != nil {
				t.Errorf("%v\nreplay it: releve sim replay sim/%s", v, file)
			}
		})
	}
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
