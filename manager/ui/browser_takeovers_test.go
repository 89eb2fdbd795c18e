package ui

import (
	"testing"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

// A takeover opens and closes by keyboard; the charts mark it, and those of the last
// minutes go on by themselves.
func TestBrowserTakeovers(t *testing.T) {
	w := newWorld(t)
	s := w.paris("paris", 1, true)
	w.serving(s)
	w.measured(s)
	w.tookOver(s.Secondary.Serial, site.Secondary, "7", 2*time.Minute)
	w.tookOver(s.Primary.Serial, site.Primary, "6", 3*time.Hour)
	b := w.browse("en")
	b.signIn(w.code)
	b.Open("/sites/" + s.ID + "/failovers")
	b.Until("document.querySelectorAll('details.takeover').length === 2 && document.querySelectorAll('details[open]').length === 1")
	b.Until("(document.querySelectorAll('details.takeover summary')[1].click(), document.querySelectorAll('details[open]').length === 2)")
	b.Open("/sites/" + s.ID + "/analytics?span=6h")
	b.Until("document.querySelectorAll('.u-wrap').length === 3 && document.querySelectorAll('svg.roles').length === 2")
	b.Until("document.querySelectorAll('svg.roles .mark').length === 4")
	b.Open("/sites/" + s.ID + "/analytics?span=5m")
	b.Sees("while somebody looks")
	w.closely(s)
	b.Until("document.querySelectorAll('.u-wrap').length === 3")
}

// closely has figures of the last minute kept, as if somebody had looked.
func (w *world) closely(s inventory.Site) {
	w.t.Helper()
	for ago := time.Minute; ago > 0; ago -= time.Second {
		latency, loss := 12.5, 0.0
		w.history.Note(s.Primary.Serial, time.Now().Add(-ago), &site.Status{Side: site.Primary, Version: site.Release, Role: site.Active, Boot: "b", Master: true,
			Tunnel: &site.TunnelStatus{PoP: "pop1", Up: true, ReceivedRate: 4e6, SentRate: 1e6, Latency: &latency, Loss: &loss}})
	}
	w.fine(w.history.Close())
}
