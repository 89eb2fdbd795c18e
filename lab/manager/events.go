package manager

import (
	"slices"

	"releve.dev/releve/client"
	"releve.dev/releve/core/event"
)

// Tally is what became of events on their way from vSockets' disks.
type Tally struct {
	Kept  int // by the manager, of those that vSockets make
	Lost  int // were on a disk, and the manager doesn't have them
	Twice int // that the manager has more than once
}

// Count compares the events that were on vSockets' disks with those that a
// manager keeps. What both vSockets have told of one happening is kept once.
func Count(spooled []event.Event, kept []client.Event) (t Tally) {
	ids := map[event.ID]int{}
	for _, e := range kept {
		if kind := event.Kind(e.Kind); kind == event.OutOfSight || kind == event.Refused {
			continue // the manager's own
		}
		t.Kept++
		if id, err := event.ParseID(e.ID); err == nil {
			ids[id]++
		}
	}
	for _, n := range ids {
		t.Twice += n - 1
	}
	t.Twice += toldAgain(kept)
	for _, e := range spooled {
		if ids[e.ID] == 0 && !slices.ContainsFunc(kept, func(k client.Event) bool { return twin(e, k) }) {
			t.Lost++
		}
	}
	return t
}

// toldAgain counts fail-overs that a vSocket has told again under another id.
func toldAgain(kept []client.Event) (n int) {
	seen := map[[2]string]string{}
	for _, e := range kept {
		if event.Kind(e.Kind) != event.FailOver {
			continue
		}
		over := [2]string{e.Serial, e.Timeline}
		if first, ok := seen[over]; ok && first != e.ID {
			n++
		}
		seen[over] = e.ID
	}
	return n
}

// twin reports whether the manager has an event as the other vSocket has told it.
func twin(e event.Event, kept client.Event) bool {
	kind := event.Kind(kept.Kind)
	if !kind.OfSite() {
		return false
	}
	other := event.Event{Kind: kind, Site: e.Site, Slot: event.SlotOf(kept.Time)}
	return event.Same(e, other)
}
