package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"releve.dev/releve/manager/bus"
	"releve.dev/releve/manager/bus/nats"
	"releve.dev/releve/manager/bus/postgres"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/store/query"
)

// openBus makes the way to the managers that serve together. On SQLite there is
// one, which keeps others out of its data directory.
func (m *manager) openBus(ctx context.Context, u *upping) error {
	alone := strings.HasPrefix(u.url(), "sqlite:")
	switch {
	case alone && u.nats != "":
		return errors.New("--nats is for several managers, and SQLite has one\nhint: --database postgres://…")
	case alone:
		m.bus = &fleet.LocalBus{}
		return nil
	}
	var carrier bus.Carrier = postgres.New(u.url(), m.store)
	if u.nats != "" {
		key, err := m.wakeKey(ctx)
		if err != nil {
			return err
		}
		topic := fmt.Sprintf("releve.%.8x.wake", m.authority.Fingerprint())
		carrier = nats.New(nats.Config{URL: u.nats, Credentials: u.natsUser, Topic: topic, Key: key, Log: m.log})
	}
	b := bus.Open(bus.Config{Carrier: carrier, Missed: bus.Missed(m.store), Log: m.log})
	m.bus = b
	m.closers = append(m.closers, b.Close)
	return nil
}

// wakeKey is what managers on one database know each other by.
func (m *manager) wakeKey(ctx context.Context) (key []byte, err error) {
	const name = "wake-key"
	err = m.store.InTx(ctx, func(q *query.Queries) error {
		text, err := q.Installation(ctx, name)
		if errors.Is(err, sql.ErrNoRows) {
			var fresh [32]byte
			rand.Read(fresh[:]) // never fails (crypto/rand)
			text = hex.EncodeToString(fresh[:])
			err = q.PutInstallation(ctx, query.PutInstallationParams{Name: name, Value: text})
		}
		if err == nil {
			key, err = hex.DecodeString(text)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the managers' key for NATS: %w", err)
	}
	return key, nil
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
