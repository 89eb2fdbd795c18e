package manager

import (
	"testing"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/core/event"
)

// What `releve-manager up` prints, with its log between.
const said = `time=2026-01-01T00:00:00Z level=INFO msg=serving
manager      https://203.0.113.50
fingerprint  ab12
data         /run/releve/manager/data

There is nobody yet. Become lab, the first owner, within 24 hours:
  releve login https://203.0.113.50 --fingerprint ab12 --code rlvc_x
`

func TestTheGreetingIsRead(t *testing.T) {
	if g, whole := ReadGreeting(said); !whole || g != (Greeting{"ab12", "rlvc_x"}) {
		t.Errorf("%+v, whole %v", g, whole)
	}
	if g, whole := ReadGreeting(said[:len(said)-10]); whole {
		t.Errorf("half a greeting is taken for one: %+v", g)
	}
}

// What is lost and what comes twice is counted; the manager's own events and a
// happening that both vSockets tell of aren't mistaken for either.
func TestCount(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 20, 0, time.UTC)
	waited := func(serial string, number uint64, kind event.Kind) event.Event {
		e := event.Event{ID: event.ID{Serial: serial, Boot: "b", Number: number}, Kind: kind, Time: at}
		if kind.OfSite() {
			e.Slot = event.SlotOf(at)
		}
		return e
	}
	kept := func(id string, kind event.Kind, timeline string, at time.Time) client.Event {
		return client.Event{ID: id, Kind: string(kind), Serial: id[:1], Timeline: timeline, Time: at}
	}
	spooled := []event.Event{waited("P", 1, event.Connected), waited("S", 1, event.HANotReady), waited("S", 2, event.FailOver)}
	for name, c := range map[string]struct {
		kept []client.Event
		want Tally
	}{
		"nothing": {nil, Tally{0, 3, 0}},
		"all": {[]client.Event{kept("P/b/1", event.Connected, "", at), kept("S/b/1", event.HANotReady, "", at),
			kept("S/b/2", event.FailOver, "s/2", at), kept("S/m/1", event.OutOfSight, "", at)}, Tally{3, 0, 0}},
		"told by the other": {[]client.Event{kept("P/b/1", event.Connected, "", at), kept("P/b/2", event.HANotReady, "", at.Add(event.SlotWidth)),
			kept("S/b/2", event.FailOver, "s/2", at)}, Tally{3, 0, 0}},
		"another happening": {[]client.Event{kept("P/b/1", event.Connected, "", at), kept("P/b/2", event.HANotReady, "", at.Add(3*event.SlotWidth)),
			kept("S/b/2", event.FailOver, "s/2", at)}, Tally{3, 1, 0}},
		"twice": {[]client.Event{kept("P/b/1", event.Connected, "", at), kept("P/b/1", event.Connected, "", at), kept("S/b/1", event.HANotReady, "", at),
			kept("S/b/2", event.FailOver, "s/2", at)}, Tally{4, 0, 1}},
		"told again": {[]client.Event{kept("P/b/1", event.Connected, "", at), kept("S/b/1", event.HANotReady, "", at),
			kept("S/b/2", event.FailOver, "s/2", at), kept("S/c/1", event.FailOver, "s/2", at), kept("S/c/2", event.FailOver, "s/4", at)}, Tally{5, 0, 1}},
	} {
		if got := Count(spooled, c.kept); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
