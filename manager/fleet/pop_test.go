package fleet_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/pop/channel"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/site"
)

// aPoP is a PoP that reads the settings when it is told to, unless it isn't running.
type aPoP struct {
	*channel.Channel
	serial site.Serial
	folder *power.Folder

	mu      sync.Mutex
	now     control.Settings
	stopped bool
}

func (p *aPoP) Settings(context.Context) (control.Settings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return control.Settings{}, errors.New("the PoP is not running\nhint: start it")
	}
	return p.now, nil
}

func (p *aPoP) ReadSettings(ctx context.Context) (control.Settings, error) {
	raw, err := p.folder.Read("settings")
	s := &contract.PoPSettings{}
	if err == nil {
		err = line.Decode(raw, s)
	}
	if err != nil {
		return control.Settings{}, err
	}
	p.mu.Lock()
	p.now = control.Settings{Generation: s.Generation, Tried: s.Generation}
	p.mu.Unlock()
	return p.Settings(ctx)
}

func (p *aPoP) stop(stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped, p.now = stopped, control.Settings{}
}

func (w *world) pop(n uint64) *aPoP {
	w.t.Helper()
	p := &aPoP{serial: site.MakeSerial(n), folder: power.New()}
	if _, err := line.Enrol(w.t.Context(), "manager:443", w.dial, p.folder, w.key(n)); err != nil {
		w.t.Fatal(err)
	}
	var err error
	p.Channel, err = channel.Open(channel.Config{Manager: "manager:443", Folder: p.folder, PoP: p, Version: site.Release, Machine: "m", Log: quiet, Dial: w.dial,
		Local: &contract.LocalPoP{Endpoint: "203.0.113.30", PrimaryPort: 51820, SecondaryPort: 51821, PublicKey: append(make([]byte, 31), 1), Witness: "100.64.0.1:20481"}})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { defer close(over); _ = p.Run(ctx) }()
	w.stops = append(w.stops, func() { cancel(); <-over })
	return p
}

// A PoP enrols as a vSocket does, tells where it is before it is given anything, and
// what it is given is on its disk, read, and reported; while it isn't running too.
func TestPoP(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := w.pop(1)
		applied := func(generation uint64, problem string) func() bool {
			return func() bool {
				d, _ := w.fleet.Device(p.serial)
				return d.Connected && d.Applied == generation && d.Problem == problem
			}
		}
		w.until(3*time.Second, "applied", applied(1, ""))
		if l := w.shelf.popTold[p.serial]; l.Endpoint.String() != "203.0.113.30" || l.SecondaryPort != 51821 || l.Witness.String() != "100.64.0.1:20481" {
			t.Errorf("%+v", l)
		}
		p.stop(true)
		w.until(5*time.Second, "the manager knows", applied(0, "the PoP is not running"))
		w.shelf.do(func(s *shelf) { s.generation = 2 })
		w.bus.Publish(fleet.Wake{Settings: []site.Serial{p.serial}})
		w.until(time.Second, "delivered", func() bool { d, _ := w.fleet.Device(p.serial); return d.Delivered == 2 })
		p.stop(false)
		w.until(5*time.Second, "applied", applied(2, ""))
		// The manager goes, and comes back: nothing is given twice.
		w.stop()
		w.until(time.Minute, "alone", func() bool { return !p.State().Connected })
		w.start()
		w.until(3*time.Minute, "again", applied(2, ""))
		// Void: it is told, and cut off.
		w.bus.Publish(fleet.Wake{Void: []site.Serial{p.serial}})
		w.until(time.Second, "cut off", func() bool { return p.State().Refused == contract.Refusal_VOID })
	})
}

// A vSocket that says that it is a PoP is given nothing.
func TestWhoIsNoPoP(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shelf.do(func(s *shelf) { s.noPoPs = true })
		p := w.pop(1)
		w.until(3*time.Second, "refused", func() bool { return p.State().Refused == contract.Refusal_UNKNOWN })
		if names, err := p.folder.Names(); err != nil || len(names) != 1 {
			t.Errorf("%v, %v", names, err)
		}
	})
}
