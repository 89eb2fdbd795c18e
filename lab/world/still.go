package world

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
)

// stillness watches for how long the lab itself stands still at a time. The
// fabric carries the keepalives in this process: while it stands, the vSockets
// rightly hold each other for silent.
type stillness struct{ worst atomic.Int64 }

const stillPace = 5 * time.Millisecond

// watch looks until ctx ends.
func (s *stillness) watch(ctx context.Context) {
	ticker := time.NewTicker(stillPace)
	defer ticker.Stop()
	for last := clock.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := clock.Now()
		if still := int64(now - last - stillPace); still > s.worst.Load() {
			s.worst.Store(still)
		}
		last = now
	}
}

// begin forgets what was before a measurement.
func (s *stillness) begin() { s.worst.Store(0) }

func (s *stillness) longest() time.Duration { return time.Duration(s.worst.Load()) }

// longestPause is that of an agent whose VM the lab didn't freeze: the machine had
// no time for it.
func longestPause(f *report.Facts) (longest time.Duration) {
	for _, e := range f.Entries {
		if !slices.ContainsFunc(f.Faults, func(fault report.Fault) bool { return fault.Kind == "freeze" && fault.Node == e.Who }) {
			longest = max(longest, report.Paused(e))
		}
	}
	return longest
}

// beyond is a stillness if it was long enough to be taken for a silence, else 0.
func beyond(still, suspicion time.Duration) time.Duration {
	if still >= suspicion {
		return still
	}
	return 0
}
