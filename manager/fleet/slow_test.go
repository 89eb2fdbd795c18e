package fleet_test

import (
	"testing"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// vSockets that come all at once to a manager whose disk is slow stay connected, as
// nothing that they must hear waits for the disk: each has its settings in the end,
// and what it says is kept. What is void is cut off meanwhile, in under a second (E9).
func TestAllAtOnceOnASlowDisk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		all := make([]*vsocket, 270) // more than have room in a committer's queue
		for n := range all {
			all[n] = w.enrolled(uint64(n) + 1)
			after(time.Second) // enrolments are limited
		}
		w.shelf.do(func(s *shelf) { s.slow, s.stuck = 5*time.Second, 2*contract.Silence })
		dials := w.count()
		for _, v := range all {
			v.run()
			if _, err := v.spool.Append(spool.HA, []byte(`"began"`)); err != nil {
				t.Fatal(err)
			}
		}
		after(contract.Silence)
		void, rest := all[len(all)-1], all[:len(all)-1]
		if void.State().Delivered != 0 {
			t.Error("the disk isn't slow")
		}
		w.bus.Publish(fleet.Wake{Void: []site.Serial{void.serial}})
		w.until(time.Second, "cut off", func() bool { return !void.connected() && w.fleet.Sessions() == len(rest) })
		void.stop()
		dials += w.count() - dials - len(all) // its tries
		for start := time.Now(); time.Since(start) < time.Hour && w.kept(rest) < len(rest); {
			after(contract.HeartbeatEvery)
		}
		if n := w.kept(rest); n != len(rest) || w.count()-dials != len(all) || w.fleet.Sessions() != len(rest) {
			t.Errorf("%d of %d have their settings, after %d dials; %d are connected", n, len(rest), w.count()-dials, w.fleet.Sessions())
		}
		for _, kind := range w.kinds() {
			if kind == fleet.Lost {
				t.Fatal("some were lost")
			}
		}
	})
}

// kept are those of whom the inventory knows that they run with their settings, and
// whose events are there.
func (w *world) kept(all []*vsocket) (n int) {
	w.shelf.mu.Lock()
	defer w.shelf.mu.Unlock()
	for _, v := range all {
		if w.shelf.applied[v.serial] == 1 && w.shelf.seen[v.serial] == 1 && v.spool.Stats().Total() == 0 {
			n++
		}
	}
	return n
}
