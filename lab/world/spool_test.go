package world

import (
	"path/filepath"
	"testing"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// What waits on a vSocket's disk is read while its channel has it open, under the
// ids that the manager will know.
func TestSpooled(t *testing.T) {
	w := &World{dir: t.TempDir()}
	if events, err := w.Spooled(Primary); err != nil || len(events) != 0 {
		t.Errorf("of a vSocket that never ran: %v, %v", events, err)
	}
	folder, err := disk.Own(filepath.Join(w.stateDir(Primary), "events"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	s, err := spool.Open(folder, spool.Options{Boot: 0xab})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, kind := range []event.Kind{event.Connected, event.Reconnected, event.FailOver} {
		body, err := event.Encode(event.Event{ID: event.ID{Serial: "S", Boot: "x", Number: 9}, Kind: kind, Time: time.Unix(1e9, 0).UTC(),
			Role: site.Primary, Version: site.Release, Message: "m"})
		if err != nil {
			t.Fatal(err)
		}
		class := spool.Plain
		if kind.HA() {
			class = spool.HA
		}
		if _, err := s.Append(class, body); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := s.Take(2, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(taken); err != nil { // the fail-over, then the first of the others
		t.Fatal(err)
	}
	events, err := w.Spooled(Primary)
	if err != nil || len(events) != 1 || events[0].ID.String() != "S/00000000000000ab/2" || events[0].Kind != event.Reconnected {
		t.Errorf("%v, %v; want the event that wasn't removed", events, err)
	}
}
