package report

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/sessions"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

const ms = time.Millisecond

// sample is a crash with a takeover by the secondary.
func sample() *Facts {
	const zero = 100 * time.Second
	entry := func(at time.Duration, who, what, detail string) site.Entry {
		return site.Entry{At: zero + at, Who: who, What: what, Detail: detail}
	}
	return &Facts{
		Zero:   zero,
		Faults: []Fault{{At: zero, Node: "primary", Kind: "crash"}},
		Entries: []site.Entry{
			entry(1204*ms, "secondary", WhatClaim, "term 8"),
			entry(0, Lab, WhatFault, "primary crash"),
			entry(201*ms, "secondary", WhatSilent, "on lan, mgmt"),
			entry(1221*ms, "secondary", WhatGranted, "term 8"),
			entry(1222*ms, "secondary", WhatActive, "term 8"),
			entry(1240*ms, "secondary", WhatOpened, ""),
			entry(1260*ms, "secondary", WhatSteered, ""),
		},
		Outages: map[probe.Direction][]probe.Outage{
			probe.Up:   {{From: zero, To: zero + 1251*ms, Length: 1250 * ms, Lost: 1250}, {From: zero + 2*time.Second, To: zero + 2002*ms, Length: ms, Lost: 1}},
			probe.Down: {{From: zero - ms, To: zero + 1253*ms, Length: 1253 * ms, Lost: 1253}},
		},
		Counts: map[probe.Direction]probe.Count{
			probe.Up:   {Sent: 5000, Received: 3749},
			probe.Down: {Sent: 5000, Received: 3747, Duplicated: 1},
		},
		Calls: []ARMCall{{At: zero + 1204*ms, Duration: 15500 * time.Microsecond, Who: "secondary", Method: "PUT",
			Path: "/subscriptions/s/resourceGroups/rg-site/providers/Microsoft.Network/networkInterfaces/primary-lan?api-version=2024-05-01", Status: 200, ETag: `W/"1"`}},
		Moves: 1,
	}
}

// The JSON object is a contract: programs read it.
func TestJSONContract(t *testing.T) {
	r := Make("crash", "instant", sample())
	r.OK = true
	var got bytes.Buffer
	if err := r.WriteJSON(&got); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/crash.json", got.Bytes())
}

// A page for people fits into 80 columns and is plain without colours.
func TestTextFitsATerminal(t *testing.T) {
	r := Make("crash", "instant", sample())
	r.Violations = []Violation{{Property: "ha.md 5.4", AtMS: 1200, Detail: "the floating IP moved twice"}}
	var got bytes.Buffer
	r.WriteText(&got, term.Style{})
	for line := range strings.Lines(got.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	golden(t, "testdata/crash.txt", got.Bytes())
}

// Sessions are shown where they were measured, and only there.
func TestSessionsAreShown(t *testing.T) {
	f := sample()
	f.Sessions = &sessions.Result{Total: 200, Reset: 3, Worst: 644 * ms}
	r := Make("sessions", "instant", f)
	var asJSON, text bytes.Buffer
	if err := r.WriteJSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	r.WriteText(&text, term.Style{})
	for want, got := range map[string]string{
		"\"sessions\": {\n    \"total\": 200,\n    \"reset\": 3,\n    \"worst_stall_ms\": 644\n  }": asJSON.String(),
		"\n  200 TCP sessions, 3 reset, longest stall 644 ms\n":                                     text.String(),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// What became of events is shown where they were compared.
func TestEventsAreShown(t *testing.T) {
	f := sample()
	f.Events = &Events{Total: 6, Spooled: 4, Kinds: []string{"connected", "socket-fail-over"}, Lost: 1, Twice: 2, CatchUpS: 3.21}
	r := Make("manager-down", "instant", f)
	var asJSON, text bytes.Buffer
	if err := r.WriteJSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	r.WriteText(&text, term.Style{})
	for want, got := range map[string]string{
		"\"lost\": 1,\n    \"twice\": 2,\n    \"catch_up_s\": 3.21\n  }":                    asJSON.String(),
		"\n  4 events waited on the vSockets' disks, 1 lost, 2 twice, caught up in 3.2 s\n": text.String(),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// Whoever reads it never meets null where a list is promised.
func TestEmptyListsAreLists(t *testing.T) {
	var got bytes.Buffer
	if err := Make("story", "fast", &Facts{}).WriteJSON(&got); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"violations", "outages", "timeline", "arm_calls"} {
		if !bytes.Contains(got.Bytes(), []byte(`"`+list+`": []`)) {
			t.Errorf("%s is not an empty list in %s", list, got.Bytes())
		}
	}
}

func TestTakeoverIsMeasuredFromItsCause(t *testing.T) {
	f := sample()
	f.Faults = append(f.Faults, Fault{At: f.Zero + 20*time.Second, Heal: true, Kind: "heal"})
	for _, e := range []struct {
		at   time.Duration
		what string
	}{{31 * time.Second, WhatClaim}, {31*time.Second + 40*ms, WhatGranted}, {31*time.Second + 90*ms, WhatOpened}} {
		f.Entries = append(f.Entries, site.Entry{At: f.Zero + e.at, Who: "primary", What: e.what})
	}
	r := Make("failback", "instant", f)
	if len(r.Takeovers) != 2 {
		t.Fatalf("%d takeovers, want 2: %+v", len(r.Takeovers), r.Takeovers)
	}
	first, second := r.Takeovers[0], r.Takeovers[1]
	if first.Taker != "secondary" || first.Detect != 201*ms || first.Steer != 1039*ms || first.Failback {
		t.Errorf("first takeover %+v", first)
	}
	if second.Taker != "primary" || second.Detect != 11*time.Second || second.Steer != 90*ms || !second.Failback {
		t.Errorf("second takeover %+v", second)
	}
	if *r.SteerMS != 1039 || *r.DetectMS != 201 {
		t.Errorf("detect_ms %v, steer_ms %v, want the worst, a failback's wait left out", *r.DetectMS, *r.SteerMS)
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		r    Report
		want int
	}{
		{Report{OK: true}, ExitOK},
		{Report{}, ExitViolated},
		{Report{OK: true, LabOverload: 1}, ExitOverload},
		{Report{OK: true, LabStillMS: 150}, ExitOK},
		{Report{LabStillMS: 150, Violations: []Violation{{Timing: true}}}, ExitOverload},
		{Report{LabStillMS: 150, Violations: []Violation{{Timing: true}, {}}}, ExitViolated},
		{Report{Violations: []Violation{{Timing: true}}}, ExitViolated},
	} {
		if got := c.r.Exit(); got != c.want {
			t.Errorf("exit status %d of %+v, want %d", got, c.r, c.want)
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", path, got)
	}
}
