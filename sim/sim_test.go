package sim

import (
	"testing"
	"time"
)

// Some seeds run with every test and the race detector; `make test` also runs
// thousands without it (B9).
func TestSeeds(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 10
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		if v := Run(Draw(seed), nil).Violation; v != nil {
			t.Errorf("seed %d: %v\nshrink and replay it: releve sim run --seeds 1 --start %d", seed, v, seed)
		}
	}
}

// A clock's two directions agree, whatever its rate.
func TestClock(t *testing.T) {
	for _, ppm := range []int64{-200, -1, 0, 1, 200} {
		c := clock{base: 7 * time.Second, at: 3 * time.Second, ppm: ppm}
		for _, now := range []time.Duration{3 * time.Second, 3*time.Second + 1, time.Minute, 1200*time.Second + 12345} {
			at := c.world(c.local(now))
			if c.local(at) < c.local(now) || at > now || at > c.at && c.local(at-1) >= c.local(now) {
				t.Errorf("%d ppm: %v became %v", ppm, now, at)
			}
		}
	}
}

func BenchmarkSeed(b *testing.B) {
	var simulated time.Duration
	seed := uint64(0)
	for b.Loop() {
		seed++
		simulated += Run(Draw(seed), nil).Stats.Simulated
	}
	b.ReportMetric(simulated.Seconds()/b.Elapsed().Seconds(), "times-real")
}
