package main

import (
	"strings"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/bus/postgres"
	"releve.dev/releve/manager/fleet"
)

// openBus makes the way to the managers that serve together. On SQLite there is
// one, which keeps others out of its data directory.
func (m *manager) openBus(url string) {
	if strings.HasPrefix(url, "sqlite:") {
		m.bus = &fleet.LocalBus{}
		return
	}
	b := bus.Open(bus.Config{Carrier: postgres.New(url, m.store), Missed: bus.Missed(m.store), Log: m.log})
	m.bus = b
	m.closers = append(m.closers, b.Close)
}

// wake tells those who follow events, or watch a site's status, of what has changed.
func (m *manager) wake() {
	m.bus.Subscribe(func(w fleet.Wake) {
		if w.Lost {
			m.events.WakeAll()
			m.presence.WakeAll()
		}
		for _, account := range w.Events {
			m.events.Wake(account)
		}
		m.presence.Wake(w.Status...)
	})
}
