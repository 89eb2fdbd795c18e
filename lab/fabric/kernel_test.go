package fabric

import (
	"testing"

	"releve.dev/releve/lab/fabric/tap"
)

// Only what was dropped with a carrier counts; the kernel notices one late.
func TestKernelDropsWithoutCarrier(t *testing.T) {
	var k kernelDrops
	for i, step := range []struct {
		down, up bool // before the reading
		state    tap.State
		want     uint64
	}{
		{state: tap.State{Dropped: 3, Carrier: true}, want: 3},
		{down: true, state: tap.State{Dropped: 3, Carrier: true}, want: 3},
		{state: tap.State{Dropped: 50, Carrier: false}, want: 3},
		{up: true, state: tap.State{Dropped: 60, Carrier: false}, want: 3},
		{state: tap.State{Dropped: 61, Carrier: true}, want: 3},
		{state: tap.State{Dropped: 63, Carrier: true}, want: 5},
		{down: true, state: tap.State{Dropped: 70, Carrier: false}, want: 5},
		{up: true, down: false, state: tap.State{Dropped: 71, Carrier: true}, want: 5},
		{state: tap.State{Dropped: 72, Carrier: true}, want: 6},
	} {
		if step.down || step.up {
			k.carrier(step.down)
		}
		if got := k.observe(step.state); got != step.want {
			t.Errorf("step %d: %d drops, want %d", i, got, step.want)
		}
	}
}
