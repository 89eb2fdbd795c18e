package world

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/vsocket/gate"
)

// bound is far above what anything here takes.
const bound = 30 * time.Second

// up is a site whose agents do nothing; the gates are opened by hand.
func up(t *testing.T) *World {
	t.Helper()
	roomtest.Need(t)
	idle := filepath.Join(t.TempDir(), "idle")
	if err := os.WriteFile(idle, []byte("#!/bin/sh\nexec sleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := Up(Options{Agent: idle, Profile: profile.Instant, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Down)
	return w
}

// forward opens a vSocket's gate for the rest of the test.
func forward(t *testing.T, w *World, node string) {
	t.Helper()
	host, err := w.Host(node)
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Do(func() error {
		g, err := gate.Open(gate.Config{WAN: azuresite.WAN, LAN: azuresite.LAN, MGMT: azuresite.MGMT, NAT: true, Clock: clock.Now})
		if err != nil {
			return err
		}
		if err := g.Serve(clock.Now() + time.Hour); err != nil {
			return err
		}
		return g.Down(true)
	}); err != nil {
		t.Fatal(err)
	}
}

func (w *World) mustFlow(t *testing.T) {
	t.Helper()
	if err := w.Await(t.Context(), "traffic passes", bound, func(context.Context) bool { return w.probe.Flowing(flowTime) }); err != nil {
		t.Fatalf("%v; the fabric says %+v", err, w.fabric.Stats())
	}
}

// mustStop waits until packets have been sent and lost each way: that nothing
// arrives may be this process's own stall.
func (w *World) mustStop(t *testing.T) {
	t.Helper()
	const lost = 20
	up, down := w.probe.Next(probe.Up), w.probe.Next(probe.Down)
	missing := func(d probe.Direction, from uint64) int {
		c := w.probe.CountSince(d, from)
		return c.Sent - c.Received
	}
	if err := w.Await(t.Context(), "traffic stops", bound, func(context.Context) bool {
		return !w.probe.Flowing(flowTime) && missing(probe.Up, up) >= lost && missing(probe.Down, down) >= lost
	}); err != nil {
		t.Fatalf("%v; the fabric says %+v", err, w.fabric.Stats())
	}
}

// A4: vm1's traffic goes by the floating IP to the Internet and back.
func TestTrafficPassesTheFloatingIP(t *testing.T) {
	w := up(t)
	forward(t, w, Primary)
	w.mustFlow(t)
	w.Begin()
	if err := w.Fault(t.Context(), Primary, "wan-cut"); err != nil {
		t.Fatal(err)
	}
	if err := w.Fault(t.Context(), Primary, "wan-cut"); err == nil {
		t.Error("a fault that is on is switched on again")
	}
	w.mustStop(t)
	if err := w.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mustFlow(t)
	f := w.Finish()
	for _, d := range []probe.Direction{probe.Up, probe.Down} {
		if n := len(f.Outages[d]); n == 0 {
			t.Errorf("%s: a cut WAN is no outage: %+v", d, f.Counts[d])
		}
	}
	if f.Moves+f.Failbacks != 0 || f.Zero != f.Faults[0].At || len(f.Faults) != 2 {
		t.Errorf("facts %+v", f)
	}
}

// A VM that was gone comes back with nothing in its kernel.
func TestACrashedVMForgets(t *testing.T) {
	w := up(t)
	forward(t, w, Primary)
	w.mustFlow(t)
	if err := w.Fault(t.Context(), Primary, "crash"); err != nil {
		t.Fatal(err)
	}
	w.mustStop(t)
	if w.programs[Primary].running() {
		t.Error("the agent of a crashed VM still runs")
	}
	if err := w.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !w.programs[Primary].running() {
		t.Error("the agent of a booted VM doesn't run")
	}
	forward(t, w, Primary) // it would be flowing by itself if it had remembered
	w.mustFlow(t)
}

// A frozen VM forwards nothing, and goes on after.
func TestFreeze(t *testing.T) {
	w := up(t)
	forward(t, w, Primary)
	w.mustFlow(t)
	if err := w.Fault(t.Context(), Primary, "freeze"); err != nil {
		t.Fatal(err)
	}
	w.mustStop(t)
	if err := w.Mend(Primary, "freeze"); err != nil {
		t.Fatal(err)
	}
	w.mustFlow(t)
}
