package world

import (
	"testing"
	"time"
)

// A lab that stands still for less than a suspicion has carried its keepalives.
func TestStillness(t *testing.T) {
	var s stillness
	s.worst.Store(int64(99 * time.Millisecond))
	if got := s.beyond(100 * time.Millisecond); got != 0 {
		t.Errorf("99 ms count as %v", got)
	}
	s.worst.Store(int64(100 * time.Millisecond))
	if got := s.beyond(100 * time.Millisecond); got != 100*time.Millisecond {
		t.Errorf("100 ms count as %v", got)
	}
	s.begin()
	if got := s.beyond(time.Millisecond); got != 0 {
		t.Errorf("what was before the measurement counts as %v", got)
	}
}
