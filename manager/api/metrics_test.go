package api

import (
	"errors"
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/history"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

// What was measured is shown in the finest spans that are kept, to nobody else; a
// question that can't be answered says why.
func TestMetrics(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t)))
	c := w.served(t, w.tokens[access.Viewer])
	start := w.clock().UTC().Truncate(time.Hour).Add(-time.Hour)
	measured := w.History.(*history.Service)
	for minute := range 30 {
		latency := float64(10 + minute%2)
		measured.Note(w.site.Primary.Serial, start.Add(time.Duration(minute)*time.Minute), &site.Status{Role: site.Active, Master: minute < 15,
			Tunnel: &site.TunnelStatus{Up: true, ReceivedRate: 1e6, Received: uint64(minute) * 7_500_000, Latency: &latency}})
	}
	w.fine(measured.Close())
	m, err := c.Metrics(t.Context(), w.site.ID, time.Time{}, time.Time{})
	w.fine(err)
	if m.WidthS != 300 || len(m.Sockets) != 2 || m.Sockets[0].Role != "primary" || len(m.Sockets[0].Points) != 6 || len(m.Sockets[1].Points) != 0 {
		t.Fatalf("got %+v", m)
	}
	p := m.Sockets[0].Points[0]
	if !p.Start.Equal(start) || p.Reports != 5 || p.Master != 1 || p.Connected != 1 || p.Roles["active"] != 1 || p.Received.Mean != 1e6 ||
		p.Latency.Least != 10 || p.Latency.Most != 11 || p.Loss != nil || p.PacketsSent != nil {
		t.Errorf("got %+v", p)
	}
	if m, err = c.Metrics(t.Context(), w.site.ID, w.clock().Add(-90*24*time.Hour), w.clock()); err != nil || m.WidthS != 3600 {
		t.Errorf("%d, %v", m.WidthS, err)
	}
	var refused *client.Problem
	if _, err := c.As(w.theirs).Metrics(t.Context(), w.site.ID, time.Time{}, time.Time{}); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("got %v", err)
	}
	for name, span := range map[string][2]time.Time{"backwards": {w.clock(), w.clock().Add(-time.Hour)}, "too long": {w.clock().Add(-999 * 24 * time.Hour), w.clock()}} {
		if _, err := c.Metrics(t.Context(), w.site.ID, span[0], span[1]); !errors.As(err, &refused) || refused.Status != 422 || refused.Field != "from" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
