package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/site"
)

// openPresence begins to keep who is here and how sites are, for all managers.
func (m *manager) openPresence(ctx context.Context) (err error) {
	m.presence, err = presence.Open(ctx, presence.Config{
		Store: m.store, Manager: uuid.Must(uuid.NewV7()).String(), Log: m.log,
		Changed: func(sites []string) { m.bus.Publish(fleet.Wake{Status: sites}) },
		Lost:    m.tellLost,
	})
	if err != nil {
		return err
	}
	m.closers = append(m.closers, m.presence.Close)
	return nil
}

// sampleEvery is how often a vSocket reports though nothing has changed, for the
// figures over time: its throughput is a mean all the same, for it counts bytes.
const sampleEvery = time.Minute

// noteKnown is what the fleet knows of a device.
func (m *manager) noteKnown(d fleet.Device) {
	said := presence.Said{Serial: d.Serial, Since: d.Since, Connected: d.Connected, Heard: d.Heard}
	var status site.Status
	// What can't be read is no report; a vSocket of another release may send it.
	if json.Unmarshal(d.Status, &status) == nil {
		said.Status, said.Raw, said.At = &status, d.Status, d.Reported
		if d.Connected && d.Heard.Equal(d.Reported) { // it is news
			m.history.Note(d.Serial, d.Reported, &status)
		}
	}
	m.presence.Note(said)
}

func (m *manager) tellLost(ctx context.Context, l presence.Lost) error {
	return m.events.Tell(ctx, events.Sighting{Serial: l.Serial, Kind: event.OutOfSight, Once: uint64(l.Heard.UnixMilli()),
		Message: "nothing heard since " + l.Heard.UTC().Format("2006-01-02 15:04:05 UTC")})
}
