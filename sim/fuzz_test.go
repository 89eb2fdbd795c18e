package sim

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func addSchedules(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no schedules: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for seed := range uint64(5) {
		f.Add(Draw(seed).String())
	}
	f.Add("seed=1 profile=fast keepalive=50ms silent=200ms lease=200ms drift=1/2x")
	f.Add("seed=1 profile=none")
	f.Add("# nothing")
}

// FuzzParse: what is accepted is written in a form that is accepted as the same,
// and stays as it is.
func FuzzParse(f *testing.F) {
	addSchedules(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		once := s.String()
		again, err := Parse(once)
		if err != nil || !reflect.DeepEqual(s, again) || again.String() != once {
			t.Fatalf("%q is read as\n%s\nand that as\n%v\n%v", text, once, again, err)
		}
	})
}

// FuzzRun: a schedule that is accepted can be run, and its end comes. Long ones
// are left to `make sim`.
func FuzzRun(f *testing.F) {
	const head = "seed=7 keepalive=50ms silent=200ms lease=200ms confirm=100ms hold=1s drift=100/-100 delay=1ms jitter=1ms profile=instant cleanup=0s safety=3s heal=1s\n"
	for kind := range kinds {
		f.Add(head + (&Fault{Kind: kind, At: time.Second, For: time.Second, Side: 1, Path: 2, N: 50, D: time.Second, Code: "RetryableError"}).String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		c := &s.Settings
		if c.Safety+c.Heal > 6*time.Second || c.Keepalive < 10*time.Millisecond || len(s.Faults) > 6 || strings.Count(text, "n=") > 20 {
			return
		}
		if one, two := Run(s, nil), Run(s, nil); one.Hash != two.Hash {
			t.Fatalf("two runs of one schedule differ:\n%s", s)
		}
	})
}
