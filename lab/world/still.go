package world

import (
	"context"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/clock"
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

// beyond is the longest stillness, if it was long enough to be taken for a
// silence.
func (s *stillness) beyond(suspicion time.Duration) time.Duration {
	if worst := time.Duration(s.worst.Load()); worst >= suspicion {
		return worst
	}
	return 0
}
