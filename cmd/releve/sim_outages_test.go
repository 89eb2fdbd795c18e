package main

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/sim"
)

// A row has the outages of the seeds with that fault alone; a slow Azure's are
// left out, as they would hide ours.
func TestOutagesByKind(t *testing.T) {
	o := outages{}
	seed := func(profile string, outage time.Duration, faults ...sim.Kind) {
		s := &sim.Schedule{Settings: sim.Settings{Profile: profile}}
		for _, kind := range faults {
			s.Faults = append(s.Faults, sim.Fault{Kind: kind})
		}
		o.add(s, &sim.Result{Stats: sim.Stats{Outage: outage}})
	}
	seed("fast", 0, sim.Cut)
	seed("instant", 3*time.Second, sim.Cut)
	seed("instant", time.Second, sim.Cut)
	seed("slow", time.Minute, sim.Cut)
	seed("fast", time.Minute, sim.Cut, sim.Crash)
	var out strings.Builder
	if err := o.writeTo(&out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(out.String()), " "); got != "fault seeds no outage p50 p99 worst cut 3 33 % 1s 1s 3s" {
		t.Error(got)
	}
}
