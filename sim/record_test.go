package sim

import (
	"slices"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
)

// shelf keeps a record, and loses a chunk now and then.
type shelf struct {
	data   []byte
	chunks int
}

func (s *shelf) Record(chunk []byte, _ bool) bool {
	if s.chunks++; s.chunks%60 == 0 {
		return false
	}
	s.data = append(s.data, chunk...)
	return true
}

// Under any faults a vSocket's record is replayed to the same decisions: what a
// driver does depends on nothing that isn't in its record or its checkpoints.
func TestRecordsAreReplayed(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	inputs, missing := 0, 0
	for seed := range uint64(seeds) {
		s := Draw(1 + seed)
		s.Settings.Safety, s.Settings.Heal = min(s.Settings.Safety, 8*time.Minute), time.Minute
		s.Faults = slices.DeleteFunc(s.Faults, func(f Fault) bool { return f.End() > s.Settings.Safety })
		w := newWorld(s, nil)
		shelves := [3]*shelf{nil, {}, {}}
		w.records[site.Primary], w.records[site.Secondary] = shelves[1], shelves[2]
		w.play()
		for _, n := range w.nodes[1:] {
			if n.running {
				n.driver.Close()
			}
			done, err := agent.Replay(shelves[n.side].data, func(site.Entry) {})
			if err != nil || done.Different != "" || done.Panic != "" || done.Unread > 0 {
				t.Errorf("seed %d, %s: %v %+v", s.Seed, n.side, err, done)
			}
			inputs, missing = inputs+done.Inputs, missing+done.Missing
		}
	}
	if inputs < 10000*seeds || missing < seeds {
		t.Errorf("not much was tried: %d inputs, %d gaps", inputs, missing)
	}
}
