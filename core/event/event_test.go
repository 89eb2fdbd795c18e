package event

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

func equal(a, b Event) bool { return reflect.DeepEqual(a, b) }

func sample() Event {
	old := site.Version{Major: 13, Minor: 2}
	return Event{ID: ID{"RLV-1", "0102030405060708", 7}, Kind: Upgraded, Time: midnight, Since: midnight.Add(-time.Millisecond),
		Site: "paris", Role: site.Secondary, PeerSerial: "RLV-2", Version: site.Release, OldVersion: &old,
		Interface: "eth0", PoP: "pop1", Reason: "why <&> not", Message: "14.0 instead of 13.2", Timeline: "paris/3"}
}

// What is decoded is what was encoded; what a later version adds does no harm.
func TestDecode(t *testing.T) {
	e := sample()
	text, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Decode(text); err != nil || !equal(again, e) {
		t.Errorf("%s becomes %+v (%v)", text, again, err)
	}
	later := strings.Replace(string(text), `"kind":"socket-upgrade"`, `"kind":"socket-repainted","colour":"red"`, 1)
	if again, err := Decode([]byte(later)); err != nil || again.Kind.Describe() != (Description{Kind: "socket-repainted", Type: Other, SubType: "socket-repainted"}) {
		t.Errorf("%+v (%v)", again, err)
	}
}

// Each broken rule is refused.
func TestCheck(t *testing.T) {
	ready := func(e *Event) { e.Kind = HAReady }
	for name, change := range map[string]func(*Event){
		"no serial":       func(e *Event) { e.ID.Serial = "" },
		"serial":          func(e *Event) { e.ID.Serial = "a/b" },
		"boot":            func(e *Event) { e.ID.Boot = "ü" },
		"no number":       func(e *Event) { e.ID.Number = 0 },
		"number":          func(e *Event) { e.ID.Number = 1 << 63 },
		"no kind":         func(e *Event) { e.Kind = "" },
		"kind":            func(e *Event) { e.Kind = "a b" },
		"no time":         func(e *Event) { e.Time = time.Time{} },
		"before 1970":     func(e *Event) { e.Since = time.Unix(-1, 0) },
		"microseconds":    func(e *Event) { e.Time = e.Time.Add(time.Microsecond) },
		"long message":    func(e *Event) { e.Message = strings.Repeat("x", mostText+1) },
		"two lines":       func(e *Event) { e.Message = "a\nb" },
		"no UTF-8":        func(e *Event) { e.Reason = "\xff" },
		"long site":       func(e *Event) { e.Site = strings.Repeat("x", mostWord+1) },
		"no slot":         ready,
		"another slot":    func(e *Event) { ready(e); e.Slot = SlotOf(e.Time) + 1 },
		"slot of nothing": func(e *Event) { e.Slot = 5 },
	} {
		e := sample()
		change(&e)
		if text, err := Encode(e); err == nil {
			t.Errorf("%s: accepted as %s", name, text)
		}
	}
	if _, err := Decode(bytes.Repeat([]byte(" "), MostBytes+1)); err == nil {
		t.Error("too long: accepted")
	}
}

// What both vSockets make of one happening is the same event; two happenings are two.
func TestSame(t *testing.T) {
	made := func(serial string, kind Kind, at time.Duration) Event {
		e := Event{ID: ID{serial, "b", 1}, Kind: kind, Time: midnight.Add(at), Site: "paris"}
		if kind.OfSite() {
			e.Slot = SlotOf(e.Time)
		}
		return e
	}
	first := made("a", HANotReady, 19*time.Second)
	for name, c := range map[string]struct {
		other Event
		same  bool
	}{
		"itself":            {made("a", HANotReady, 0), true},
		"over a slot's end": {made("b", HANotReady, 21*time.Second), true},
		"another kind":      {made("b", HAReady, 19*time.Second), false},
		"a minute later":    {made("b", HANotReady, 79*time.Second), false},
	} {
		if Same(first, c.other) != c.same || Same(c.other, first) != c.same {
			t.Errorf("%s: not %v", name, c.same)
		}
	}
	if other := made("b", HANotReady, 19*time.Second); Same(first, Event{ID: other.ID, Kind: other.Kind, Slot: other.Slot, Site: "lyon"}) {
		t.Error("of two sites: the same")
	}
	if Same(made("a", Connected, 0), made("b", Connected, 0)) {
		t.Error("of two vSockets: the same")
	}
}

// The defaults are the source's, and thresholds that make slots ambiguous are refused.
func TestThresholds(t *testing.T) {
	limits := Defaults()
	if err := limits.Check(); err != nil {
		t.Error(err)
	}
	limits.Ready, limits.NotReady = 20*time.Second, 19*time.Second
	if limits.Check() == nil {
		t.Error("39 s: accepted")
	}
	limits = Defaults()
	limits.Port = -time.Second
	if limits.Check() == nil {
		t.Error("-1s: accepted")
	}
}

// Each threshold is heeded: just before it nothing is told.
func TestThresholdsAreHeeded(t *testing.T) {
	steady := Reading{Side: site.Secondary, Role: site.Standby, HA: &Readiness{OK: true}, Tunnel: &Tunnel{Up: true, PoP: "p"}, WAN: Up, LAN: Up}
	down := func(r Reading) Reading { r.Tunnel = &Tunnel{PoP: "p"}; return r }
	for name, c := range map[string]struct {
		set   func(*Thresholds)
		then  func(Reading) Reading
		first Kind
	}{
		"fail over":    {func(l *Thresholds) { l.FailOver = 7 * time.Second }, func(r Reading) Reading { r.Role, r.Term = site.Active, 3; return r }, FailOver},
		"not ready":    {func(l *Thresholds) { l.NotReady = 7 * time.Second }, func(r Reading) Reading { r.HA = &Readiness{}; return r }, HANotReady},
		"disconnected": {func(l *Thresholds) { l.Disconnected = 7 * time.Second }, down, PassiveDisconnected},
		"WAN":          {func(l *Thresholds) { l.Port = 7 * time.Second }, func(r Reading) Reading { r.WAN = Down; return r }, WANDisconnected},
		"LAN":          {func(l *Thresholds) { l.Port = 7 * time.Second }, func(r Reading) Reading { r.LAN = Down; return r }, LANDisconnected},
	} {
		limits := Defaults()
		c.set(&limits)
		m := New(Self{Serial: "a", Boot: "b"}, limits, Memory{})
		at := time.Hour
		for range 100 {
			at += time.Second
			m.Step(Now{at, midnight.Add(at)}, steady)
		}
		began := at + time.Second
		for at = began; at < began+20*time.Second; at += time.Second {
			if made := m.Step(Now{at, midnight.Add(at)}, c.then(steady)); len(made) > 0 {
				if made[0].Kind != c.first || at-began != 7*time.Second || !made[0].Since.Equal(midnight.Add(began)) {
					t.Errorf("%s: after %s %+v", name, at-began, made)
				}
				break
			}
		}
		if at == began+20*time.Second {
			t.Errorf("%s: nothing", name)
		}
	}
}

// A status says what its vSocket knows, and no more.
func TestRead(t *testing.T) {
	age, old := 900.0, 6000.0
	full := site.Status{Site: "paris", Side: site.Secondary, Boot: "0100000000000000", Version: site.Release, Role: site.Active, Term: 4, Fit: true,
		HA:      site.HAStatus{Configured: true, Ready: true, Indicators: []site.Indicator{{Name: "Keepalive", OK: true}}},
		Peer:    site.PeerStatus{Heard: true, Role: site.Standby, Reason: "WAN down"},
		Tunnel:  &site.TunnelStatus{PoP: "pop1", Up: true},
		Witness: &site.WitnessStatus{OK: true, Peer: &age}}
	want := Reading{Site: "paris", Side: site.Secondary, Agent: site.BootID{1}, Version: site.Release, Role: site.Active, Term: 4, HA: &Readiness{OK: true}, Peer: Peer{Heard: true, Seen: true, Role: site.Standby, Reason: "WAN down"},
		Tunnel: &Tunnel{Up: true, PoP: "pop1"}, WAN: Up, LAN: Up, Assigned: Assigned{"PEER", 9}}
	if got, err := Read(&full, want.Assigned); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	bad := full
	bad.Fit, bad.Reason = false, keepalive.LANDown.String()
	bad.HA = site.HAStatus{Configured: true, Indicators: []site.Indicator{{Name: "Keepalive", OK: true}, {Name: "Azure", Reason: "denied"}}}
	bad.Witness = &site.WitnessStatus{Problem: "no answer", Peer: &age}
	want.HA, want.WAN, want.LAN = &Readiness{Reason: "Azure: denied"}, Unknown, Down
	want.Tunnel, want.Peer.Seen = &Tunnel{PoP: "pop1", Reason: "no answer"}, false
	if got, err := Read(&bad, want.Assigned); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	alone := site.Status{Boot: full.Boot, Role: site.Standby, Reason: keepalive.WANDown.String(), Witness: &site.WitnessStatus{OK: true, Peer: &old}}
	if got, err := Read(&alone, Assigned{}); err != nil || got.HA != nil || got.Tunnel != nil || got.WAN != Down || got.LAN != Up || got.Peer.Seen {
		t.Errorf("%+v", got)
	}
	if _, err := Read(&site.Status{Boot: "?"}, Assigned{}); err == nil {
		t.Error("a status of no life: read")
	}
}

// Somebody else's words make no event that is refused.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"a\r\nb\tc":                   "a b c",
		"\xffx":                       "?x",
		strings.Repeat("é", 300):      strings.Repeat("é", 254) + "…",
		strings.Repeat("x", 512):      strings.Repeat("x", 512),
		"  " + "AuthorizationFailed ": "AuthorizationFailed",
	} {
		if got := plain(text, mostText); got != want || !short(got, mostText) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// Every kind is described once, and docs/events.md shows them all, word for word.
func TestKinds(t *testing.T) {
	seen := map[Kind]bool{}
	for _, d := range Kinds {
		if !word(string(d.Kind)) || seen[d.Kind] || d.Type == "" || d.SubType == "" || d.When == "" {
			t.Errorf("%+v", d)
		}
		seen[d.Kind] = true
	}
	if got := OfType("security"); len(got) != 1 || got[0] != Refused {
		t.Errorf("%v", got)
	}
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), Table()) {
		t.Errorf("docs/events.md doesn't show the kinds; they are:\n%s", Table())
	}
}

// FuzzDecode: what is accepted is kept as it is by another round.
func FuzzDecode(f *testing.F) {
	text, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"id":"a/b/1","kind":"ha-ready","time":"2026-11-26T00:00:00Z","slot":89280001,"role":"none","version":"14.0","message":""}`))
	f.Add([]byte(`{"id":"a/b/1","kind":"x","time":"2026-11-26T02:00:00.5+02:00","role":"primary","version":"1.0","message":"é"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := Decode(text)
		if err != nil {
			return
		}
		once, err := Encode(e)
		if err != nil {
			t.Fatalf("%+v was accepted: %v", e, err)
		}
		again, err := Decode(once)
		if err != nil || !equal(again, e) {
			t.Fatalf("%s: %+v becomes %+v (%v)", once, e, again, err)
		}
	})
}

// FuzzPlain: nothing that a status may say makes an event that is refused.
func FuzzPlain(f *testing.F) {
	f.Add("a\x00b", "pop\n1", "x")
	f.Fuzz(func(t *testing.T, reason, pop, name string) {
		m := New(Self{Serial: "a", Boot: "b", WAN: name}, Thresholds{}, Memory{PoP: "other"})
		r := Reading{Site: name, Side: site.Secondary, Assigned: Assigned{PeerSerial: "c"}, HA: &Readiness{Reason: reason}, Tunnel: &Tunnel{PoP: pop, Reason: reason}, WAN: Down, Peer: Peer{Heard: true, Reason: reason}}
		for i := range 3 {
			r.Role = site.Role(i * 2) // mute, claiming, active
			for _, e := range m.Step(Now{time.Duration(i) * time.Second, midnight}, r) {
				if _, err := Encode(e); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
