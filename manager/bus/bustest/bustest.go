// Package bustest is what tests of carriers share: a manager's bus, and what it hears.
package bustest

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/site"
)

const patient = 30 * time.Second

// Manager is a bus over the carrier under test, and what it hears.
type Manager struct {
	*bus.Bus
	heard chan fleet.Wake
	ready chan struct{}
}

// Open begins to carry, until the test ends. missed is what its sweeps find; nil: nothing.
func Open(t *testing.T, carrier bus.Carrier, missed func(context.Context, time.Time) (fleet.Wake, error)) *Manager {
	t.Helper()
	if missed == nil {
		missed = func(context.Context, time.Time) (fleet.Wake, error) { return fleet.Wake{}, nil }
	}
	m := &Manager{heard: make(chan fleet.Wake, 1000), ready: make(chan struct{}, 1000)}
	m.Bus = bus.Open(bus.Config{Carrier: watched{carrier, m.ready}, Missed: missed, Log: slog.New(slog.DiscardHandler)})
	m.Subscribe(func(w fleet.Wake) { m.heard <- w })
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// watched says when its carrier has begun to hear: by then a manager may not have
// subscribed yet, so it can't be told from what it hears.
type watched struct {
	bus.Carrier
	ready chan<- struct{}
}

func (w watched) Receive(ctx context.Context, ready func(), take func([]byte)) error {
	return w.Carrier.Receive(ctx, func() { ready(); w.ready <- struct{}{} }, take)
}

// Listens waits until it hears all that is said from then on, and forgets what it
// has heard before.
func (m *Manager) Listens(t *testing.T) {
	t.Helper()
	select {
	case <-m.ready:
	case <-time.After(patient):
		t.Fatal("the carrier isn't ready to hear")
	}
	for len(m.heard) > 0 {
		<-m.heard
	}
}

// Until waits for a wake-up that fits.
func (m *Manager) Until(t *testing.T, what string, fits func(fleet.Wake) bool) {
	t.Helper()
	for limit := time.After(patient); ; {
		select {
		case w := <-m.heard:
			if fits(w) {
				return
			}
		case <-limit:
			t.Fatalf("not heard: %s", what)
		}
	}
}

// Silent fails the test if anything was heard.
func (m *Manager) Silent(t *testing.T) {
	t.Helper()
	select {
	case w := <-m.heard:
		t.Errorf("heard %+v", w)
	default:
	}
}

// Lost fits a wake-up that says that some may be lost.
func Lost(w fleet.Wake) bool { return w.Lost }

// Void fits one that says this serial number is void. It may say more: a bus sends
// in one message what came while it couldn't.
func Void(serial site.Serial) func(fleet.Wake) bool {
	return func(w fleet.Wake) bool { return slices.Contains(w.Void, serial) }
}
