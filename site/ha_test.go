package site

import (
	"encoding/json"
	"testing"
	"time"
)

// The defaults pass, left out or written, and each bound holds on both sides.
func TestHASettings(t *testing.T) {
	const ms = time.Millisecond
	for _, good := range []HASettings{
		{}, {Timers: DefaultTimers()}, {Preempt: "off", Alone: "stop", Third: "arm"},
		{Timers: Timers{Keepalive: 10 * ms, Silent: 30 * ms, Lease: 30 * ms, Confirm: ms, Hold: time.Hour}},
		{Timers: Timers{Keepalive: time.Second, Silent: 3 * time.Second, Lease: 3 * time.Second, Confirm: time.Minute, Hold: ms}},
	} {
		if faults := good.Check(); faults != nil {
			t.Errorf("%+v: %v", good, faults)
		}
	}
	for _, bad := range []struct {
		HASettings
		field, says string
	}{
		{HASettings{Timers: Timers{Keepalive: 9 * ms}}, "keepalive", "keepalive 9ms is not between 10ms and 1s"},
		{HASettings{Timers: Timers{Keepalive: time.Second + ms}}, "keepalive", "keepalive 1.001s is not between 10ms and 1s"},
		{HASettings{Timers: Timers{Keepalive: 70 * ms}}, "silent", "silent 200ms is shorter than 3 keepalives of 70ms"},
		{HASettings{Timers: Timers{Silent: 149 * ms}}, "silent", "silent 149ms is shorter than 3 keepalives of 50ms"},
		{HASettings{Timers: Timers{Silent: 3*time.Second + ms}}, "silent", "silent 3.001s is not between 30ms and 3s"},
		{HASettings{Timers: Timers{Lease: 149 * ms}}, "lease", "lease 149ms is shorter than 3 keepalives of 50ms"},
		{HASettings{Timers: Timers{Lease: -ms}}, "lease", "lease -1ms is not between 1ms and 3s"},
		{HASettings{Timers: Timers{Confirm: time.Minute + ms}}, "confirm", "confirm 1m0.001s is not between 1ms and 1m0s"},
		{HASettings{Timers: Timers{Hold: time.Hour + ms}}, "hold", "hold 1h0m0.001s is not between 1ms and 1h0m0s"},
		{HASettings{Timers: Timers{Hold: 1500 * time.Microsecond}}, "hold", "hold 1.5ms has a part of a millisecond"},
		{HASettings{Preempt: "yes"}, "preempt", `preempt "yes" is none of on, off`},
		{HASettings{Alone: "On"}, "alone", `alone "On" is none of stay, stop`},
		{HASettings{Third: "none"}, "third", `third "none" is none of witness, arm`},
	} {
		faults := bad.Check()
		if len(faults) != 1 || faults[0].Field != bad.field || faults[0].Message != bad.says {
			t.Errorf("%+v: %v", bad.HASettings, faults)
		}
	}
}

func TestHASettingsAreShown(t *testing.T) {
	raw, err := json.Marshal(HASettings{Timers: Timers{Hold: time.Minute}, Alone: "stop"})
	if err != nil || string(raw) != `{"alone":"stop","hold":"1m0s"}` {
		t.Errorf("%s, %v", raw, err)
	}
}

// No two vSockets have one address, none has a witness's, and all are the tunnels'.
func TestTunnelAddress(t *testing.T) {
	seen := map[string]bool{}
	for _, number := range []uint64{1, 2, 126, 127, 128, 1000, MostSites} {
		for _, side := range []Side{Primary, Secondary} {
			a := TunnelAddress(number, side)
			if seen[a.String()] || !Overlay.Contains(a) || witnesses.Contains(a) || a == Last(Overlay) {
				t.Errorf("%d %s: %s", number, side, a)
			}
			seen[a.String()] = true
		}
	}
	if a := TunnelAddress(1, Primary).String(); a != "100.64.1.2" {
		t.Errorf("the first is %s", a)
	}
	for _, number := range []uint64{0, MostSites + 1} {
		if a := TunnelAddress(number, Primary); a.IsValid() {
			t.Errorf("%d has %s", number, a)
		}
	}
	if a := TunnelAddress(1, NoSide); a.IsValid() {
		t.Errorf("no side has %s", a)
	}
}
