package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/presence"
	"releve.dev/releve/manager/status"
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
	switch m.news.of(&d) {
	case nothing:
	case figures:
		var now sampled
		if json.Unmarshal(d.Status, &now) == nil {
			m.sample(&d, now.status())
		}
	case everything:
		m.noteAll(&d)
	}
}

func (m *manager) noteAll(d *fleet.Device) {
	said := presence.Said{Serial: d.Serial, Since: d.Since, Connected: d.Connected, Heard: d.Heard}
	var now site.Status
	// What can't be read is no report; a vSocket of another release may send it.
	if json.Unmarshal(d.Status, &now) == nil {
		said.Status, said.Raw, said.At = &now, d.Status, d.Reported
		m.sample(d, &now)
	}
	m.presence.Note(said)
}

func (m *manager) sample(d *fleet.Device, now *site.Status) {
	if d.Connected && d.Heard.Equal(d.Reported) { // it has just come
		m.history.Note(d.Serial, d.Reported, now)
	}
}

// sampled is what of a status its figures over time are made of: a tenth of it, which
// is read of each vSocket each minute.
type sampled struct {
	Role    site.Role           `json:"role"`
	Master  bool                `json:"master"`
	Boot    string              `json:"boot"`
	Tunnel  *site.TunnelStatus  `json:"tunnel"`
	Witness *site.WitnessStatus `json:"witness"`
}

func (s *sampled) status() *site.Status {
	return &site.Status{Role: s.Role, Master: s.Master, Boot: s.Boot, Tunnel: s.Tunnel, Witness: s.Witness}
}

// news tells reports that have to be read from those that say what was said before,
// with other figures: nearly all.
type news struct {
	mu   sync.Mutex
	last map[site.Serial]heard
}

// heard is what was last read of a device.
type heard struct {
	since  time.Time // when its session began
	digest uint64
	at     time.Time // when the report came
}

// worth is how much of a report is worth reading.
type worth uint8

const (
	nothing worth = iota
	figures
	everything
)

func (n *news) of(d *fleet.Device) worth {
	h := heard{d.Since, status.Digest(d.Status), d.Reported}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !d.Connected {
		delete(n.last, d.Serial)
		return everything
	}
	is := everything
	if was, known := n.last[d.Serial]; known && was.since.Equal(h.since) && was.digest == h.digest {
		if h.at.Sub(was.at) < sampleEvery*3/4 {
			return nothing
		}
		is = figures // the same digest is the same gist
	}
	if n.last == nil {
		n.last = map[site.Serial]heard{}
	}
	n.last[d.Serial] = h
	return is
}

func (m *manager) tellLost(ctx context.Context, l presence.Lost) error {
	return m.events.Tell(ctx, events.Sighting{Serial: l.Serial, Kind: event.OutOfSight, Once: uint64(l.Heard.UnixMilli()),
		Message: "nothing heard since " + l.Heard.UTC().Format("2006-01-02 15:04:05 UTC")})
}
