package pages

import (
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
)

// Manager is what of the manager's own settings counts for an account.
type Manager struct {
	Provider  string // of OpenID Connect; "": none
	Passkeys  string // the host name that they are of; "": none
	Retention status.Retention
}

// PoPNow is a PoP as it is now.
type PoPNow struct {
	inventory.PoP
	Connected bool
}

// lasts is a time as one says how long something is.
func (f *Frame) lasts(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0:
		return f.N("time.day", int(d/day))
	case d >= time.Hour && d%time.Hour == 0:
		return f.N("time.hour", int(d/time.Hour))
	case d >= time.Minute && d%time.Minute == 0:
		return f.N("time.minute", int(d/time.Minute))
	}
	return f.N("time.second", int(d/time.Second))
}

// delay is how long something must last until it is told.
type delay struct {
	what string // of the texts
	d    time.Duration
}

// delays are those of the events (docs/events.md).
func delays() []delay {
	t := event.Defaults()
	return []delay{{"failover", t.FailOver}, {"not-ready", t.NotReady}, {"ready", t.Ready}, {"connected", t.Connected}, {"disconnected", t.Disconnected}, {"port", t.Port}}
}

func popLook(p PoPNow) string {
	switch {
	case p.Connected:
		return "ok"
	case p.State == inventory.StateRegistered:
		return "bad"
	}
	return "idle"
}

func popState(f *Frame, p PoPNow) string {
	switch {
	case p.Connected:
		return f.T("connection.connected")
	case p.State == inventory.StateRegistered:
		return f.T("connection.disconnected")
	}
	return f.T("serial." + string(p.State))
}
