package sim

import (
	"flag"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 20, "how many seeds")
	start = flag.Uint64("start", 1, "the first one")
	story = flag.Bool("story", false, "tell the story of a failing one")
)

func TestSeeds(t *testing.T) {
	began := time.Now()
	failures := map[string]int{}
	events := 0
	for i := range *seeds {
		s := Draw(*start + uint64(i))
		r := Run(s, nil)
		events += r.Stats.Events
		if r.Violation == nil {
			continue
		}
		failures[r.Violation.Property]++
		if failures[r.Violation.Property] <= 3 {
			t.Errorf("seed %d: %v", s.Seed, r.Violation)
			if *story {
				small, violation := Shrink(s)
				tale, _ := Tale(small)
				t.Logf("%v\n%s\n%s", violation, small, tale)
			}
		}
	}
	t.Logf("%d seeds, %v, %d events, %.2f ms a seed", *seeds, failures, events, time.Since(began).Seconds()*1000/float64(*seeds))
}
