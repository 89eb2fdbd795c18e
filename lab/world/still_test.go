package world

import (
	"testing"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
)

// A lab that stands still for less than a suspicion has carried its keepalives.
func TestStillness(t *testing.T) {
	const suspicion = 100 * time.Millisecond
	var s stillness
	for still, want := range map[time.Duration]time.Duration{suspicion - 1: 0, suspicion: suspicion} {
		s.worst.Store(int64(still))
		if got := beyond(s.longest(), suspicion); got != want {
			t.Errorf("%v counts as %v, want %v", still, got, want)
		}
	}
	s.begin()
	if got := s.longest(); got != 0 {
		t.Errorf("what was before the measurement counts as %v", got)
	}
}

// An agent that was starved tells so; one that was frozen stood still for the lab's sake.
func TestAgentsStillness(t *testing.T) {
	f := &report.Facts{Entries: []site.Entry{
		{Who: Primary, Detail: "paused: own clock jumped 900 ms"},
		{Who: Secondary, Detail: "paused: own clock jumped 297 ms"},
		{Who: Secondary, Detail: "paused: own clock jumped 110 ms"},
		{Who: Secondary, Detail: "lease of term 1 has run out"},
	}, Faults: []report.Fault{{Node: Primary, Kind: "freeze"}, {Node: Secondary, Kind: "crash"}}}
	if got := longestPause(f); got != 297*time.Millisecond {
		t.Errorf("the longest pause is %v, want 297 ms", got)
	}
}
