package world

import (
	"slices"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/clock"
)

// Stretch is a time from one moment up to another, 0 for one that hasn't come.
type Stretch struct{ From, To time.Duration }

// GuestTime is how long a VM was at something that Azure had told it.
type GuestTime struct {
	Node string
	Kind store.MachineKind
	Stretch
}

// begins takes down that a VM has begun with something, and by what it returns that it has done it.
func (m *metal) begins(node string, kind store.MachineKind) (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.times)
	m.times = append(m.times, GuestTime{node, kind, Stretch{From: clock.Now()}})
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.times[n].To = clock.Now()
	}
}

// GuestTimes are what a bare lab's VMs were told so far, in the order in which they began.
func (w *World) GuestTimes() []GuestTime {
	w.metal.mu.Lock()
	defer w.metal.mu.Unlock()
	return slices.Clone(w.metal.times)
}

// AzureTimes are when the emulated Azure was at what a bare lab's administrator had asked:
// from a call's arrival to the end of its answer, from an operation's acceptance to its end.
func (w *World) AzureTimes() []Stretch {
	var list []Stretch
	for _, c := range w.azure.Calls() {
		if c.Who == administrator.Name && c.Done {
			list = append(list, Stretch{c.At, c.At + c.Duration})
		}
	}
	for _, o := range w.azure.Operations() {
		if o.Client == administrator.Name && o.Done != 0 {
			list = append(list, Stretch{o.Accepted, o.Done})
		}
	}
	return list
}
