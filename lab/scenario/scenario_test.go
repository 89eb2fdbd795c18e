package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// The table of issue 2 is complete, and each row can be played and listed.
func TestTheTableIsComplete(t *testing.T) {
	want := strings.Fields(`story crash stop freeze wan-cut lan-cut keepalive-cut peer-cut azure-slow azure-down
		azure-throttled azure-denied half-move fip-missing fip-wrong-nic both-reboot failback zone-pair split-brain crash-points
		sessions tunnel-cut pop-crash pop-restart pop-move pop-cut-from-one one-way-cut lan-dead-but-cloud-fine witness-lies-late
		manager-down managed azure-setup azure-setup-set`)
	var got []string
	for _, s := range All {
		got = append(got, s.Name)
		if s.Line == "" || s.play == nil || s.Profile.Name == "" {
			t.Errorf("row %s is half made", s.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("scenarios %v, want %v", got, want)
	}
	if _, err := Find("crash"); err != nil {
		t.Error(err)
	}
	if _, err := Find("earthquake"); !errors.Is(err, world.ErrUnknown) || !strings.Contains(err.Error(), "\nhint: one of story, crash") {
		t.Errorf("an unknown scenario: %v", err)
	}
}

const sec = time.Second

// good is a run in which all went well: a crash, one takeover, one failback.
func good() *evidence {
	e := func(at time.Duration, who, what, detail string) entry {
		return entry{At: at, Who: who, What: what, Detail: detail}
	}
	call := func(at time.Duration, who, method, nic string) report.ARMCall {
		return report.ARMCall{At: at, Who: who, Method: method, Path: "/nic/" + nic + "?api-version=1", Status: 200}
	}
	ev := &evidence{
		Facts: &report.Facts{
			Zero:   10 * sec,
			Faults: []report.Fault{{At: 10 * sec, Node: "primary", Kind: "crash"}, {At: 20 * sec, Heal: true, Kind: "heal"}},
			Entries: []entry{
				e(1*sec, "primary", "gate opened", "term 1"),
				e(10*sec, "lab", "fault", "primary crash"),
				e(10*sec+200*time.Millisecond, "secondary", "peer silent", ""),
				e(11*sec, "secondary", "claim", "term 2"),
				e(11*sec, "secondary", "claiming", ""),
				e(11*sec, "secondary", "arm write", "peer NIC"),
				e(12*sec, "secondary", "term granted", "term 2"),
				e(12*sec, "secondary", "active", "term 2"),
				e(12*sec, "secondary", "arm write", "own NIC"),
				e(13*sec, "secondary", "gate opened", "term 2"),
				e(20*sec, "lab", "heal", ""),
				e(20*sec, "primary", "started", ""),
				e(20*sec, "primary", "standby", ""),
				e(31*sec, "secondary", "standby", ""),
				e(31*sec, "secondary", "gate closed", ""),
				e(31*sec, "primary", "claiming", ""),
				e(32*sec, "primary", "term granted", "term 3"),
				e(32*sec, "primary", "active", ""),
				e(33*sec, "primary", "gate opened", "term 3"),
			},
			Calls: []report.ARMCall{
				call(11*sec, "secondary", "GET", "primary"), call(11*sec+1, "secondary", "PUT", "primary"),
				call(12*sec, "secondary", "GET", "primary"), call(12*sec+2, "secondary", "PUT", "secondary"),
			},
			Moves: 1, Failbacks: 1,
		},
		Lease: 200 * time.Millisecond, Differ: map[string][]string{},
		ARMHolders: []string{"primary"}, Holder: "primary", Active: []string{"primary"},
	}
	ev.Report = report.Make("failback", "instant", ev.Facts)
	return ev
}

func failbackRow(t *testing.T) *Scenario {
	t.Helper()
	s, err := Find("failback")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAGoodRunBreaksNothing(t *testing.T) {
	if got := checkAll(failbackRow(t), good()); len(got) != 0 {
		t.Errorf("found %+v", got)
	}
}

// Each promise can be broken, and is then named (ha.md section 5).
func TestEachPromiseCanBeBroken(t *testing.T) {
	for _, c := range []struct {
		property string
		spoil    func(*evidence)
	}{
		{"ha.md 5.1: one gate", func(ev *evidence) { ev.Faults[0].Kind = "peer-cut" }},
		{"ha.md 5.1: one gate", func(ev *evidence) { ev.Faults[0].Kind, ev.Entries, ev.First = "peer-cut", ev.Entries[1:], "primary" }},
		{"ha.md 5.1: one gate", func(ev *evidence) { // with ARM both may be open for this long
			ev.Witness, ev.Faults[0].Kind = true, "peer-cut"
			ev.Entries = append(ev.Entries, entry{At: 14 * sec, Who: "primary", What: "gate closed"})
		}},
		{"ha.md 5.1: served terms never fall", func(ev *evidence) { ev.Entries[len(ev.Entries)-1].Detail = "term 1" }},
		{"ha.md 5.2: a PoP sends the site's traffic into one tunnel", func(ev *evidence) {
			ev.Downstream = []world.Downstream{{At: 12 * sec, Sides: []site.Side{site.Primary, site.Secondary}}}
		}},
		{"ha.md 5.3: the floating IP is on the active's NIC alone", func(ev *evidence) { ev.Holder = "secondary" }},
		{"ha.md 5.3: the floating IP is on the active's NIC alone", func(ev *evidence) { ev.ARMHolders = []string{"primary", "secondary"} }},
		{"ha.md 5.3: the floating IP is on the active's NIC alone", func(ev *evidence) { ev.Active = nil }},
		{"ha.md 5.4: one move for each change of the active", func(ev *evidence) { ev.Failbacks = 3 }},
		{"ha.md 5.5: nothing else of a NIC is changed (B5)", func(ev *evidence) { ev.Differ["primary"] = []string{"tags.owner is gone"} }},
		{"ha.md 5.5: nothing else of a NIC is changed (B5)", func(ev *evidence) { ev.Floating = []string{"name was \"vip\""} }},
		{"ha.md 5.5: who isn't active writes nothing but a claim", func(ev *evidence) {
			ev.Calls = append(ev.Calls, report.ARMCall{At: 25 * sec, Who: "primary", Method: "PUT", Path: "/nic/x", Status: 200})
		}},
		{"ha.md 5.5: who isn't active writes nothing but a claim", func(ev *evidence) {
			ev.Entries = append(ev.Entries, entry{At: 32*sec - 1, Who: "secondary", What: "arm write"})
			ev.Calls = append(ev.Calls, report.ARMCall{At: 32 * sec, Who: "secondary", Method: "PUT", Path: "/nic/x", Status: 200})
		}},
		{"ha.md 4: no write without a fresh read", func(ev *evidence) { ev.Calls = append(ev.Calls, ev.Calls[3]) }},
		{"azure.md 2: Retry-After is obeyed", func(ev *evidence) {
			ev.TooEarly = []store.Violation{{At: 12 * sec, Allowed: 13 * sec, Client: "secondary", Method: "GET"}}
		}},
		{"no agent ends unasked", func(ev *evidence) {
			ev.Entries = append(ev.Entries, entry{At: 34 * sec, Who: "primary", What: "agent ended"})
		}},
		{"no agent ends unasked", func(ev *evidence) {
			ev.Entries = append(ev.Entries, entry{At: 34 * sec, Who: "primary", What: "channel" + report.WhatEnded})
		}},
		{row, func(ev *evidence) { ev.Report.FIPMoves = 0 }},
		{row, func(ev *evidence) { ev.Report.FailbackMoves = 2 }},
	} {
		ev := good()
		c.spoil(ev)
		var names []string
		for _, f := range checkAll(failbackRow(t), ev) {
			names = append(names, f.property)
		}
		if !slices.Contains(names, c.property) {
			t.Errorf("%s is broken and not found; found %q", c.property, names)
		}
	}
}

// What each row promises beyond the counts can be broken too.
func TestEachRowCanBeBroken(t *testing.T) {
	for _, s := range All {
		if s.check == nil {
			continue
		}
		ev := good()
		ev.Report.Packets = report.Packets{}
		ev.Before, ev.After = 1, 5
		ev.cuts = []cut{{report.CutFacts{Name: "primary lan-cut-in"}, one}}
		// Nothing of what any row wants to see, and all that none does.
		ev.Entries = []entry{{At: 11 * sec, Who: "secondary", What: report.WhatSilent}, {At: 12 * sec, Who: "secondary", What: report.WhatClaim},
			{At: 12 * sec, Who: "primary", What: "arm problem"}, {At: 13 * sec, Who: "secondary", What: report.WhatGranted}}
		ev.Calls, ev.ARMHolders, ev.Holder, ev.Active = nil, nil, "secondary", []string{"secondary"}
		if len(s.check(ev)) == 0 {
			t.Errorf("row %s finds nothing in a run in which all went wrong", s.Name)
		}
	}
}

// A gate ends with its lease, also where the agent stood still and told of it later.
func TestAGateEndsWhereItsAgentStoodStill(t *testing.T) {
	for detail, want := range map[string]time.Duration{
		"paused: own clock jumped 697 ms": 15*sec - 697*time.Millisecond + 200*time.Millisecond,
		"paused: own clock jumped 150 ms": 15 * sec,
		"lease of term 1 has run out":     15 * sec,
	} {
		ev := &evidence{Facts: &report.Facts{Entries: []entry{{At: 15 * sec, Who: "secondary", What: "suspended", Detail: detail}}},
			First: "secondary", Lease: 200 * time.Millisecond}
		if got := ev.gates(); len(got) != 1 || got[0].to != want {
			t.Errorf("%s: %v, want one to %s", detail, got, want)
		}
	}
}

// What is on its way when the LAN dies is the LAN's loss; what was lost before isn't.
func TestLossesBeforeTheLANDied(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		from, to time.Duration
		bad      bool
	}{{15*sec - 40*ms, 16 * sec, false}, {15*sec + ms, 16 * sec, false}, {14 * sec, 14*sec + 5*ms, true}, {14 * sec, 16 * sec, true}} {
		ev := &evidence{Facts: &report.Facts{Faults: []report.Fault{{At: 15 * sec, Node: "primary", Kind: "lan-cut"}},
			Outages: map[probe.Direction][]probe.Outage{probe.Up: {{From: c.from, To: c.to}}}}}
		if found := checkLANDead(ev); len(found) > 0 != c.bad {
			t.Errorf("an outage from %s to %s: %v", c.from, c.to, found)
		}
	}
}

// The move to another PoP may cost one outage, and nothing once it is over.
func TestPoPMoveIsJudged(t *testing.T) {
	moved := func(who string) entry { return entry{At: 11 * sec, Who: who, What: report.WhatMoves} }
	good := func() *evidence {
		return &evidence{PoPs: []string{"pop2", "pop2"}, Before: 1, After: 3, Facts: &report.Facts{
			Faults:  []report.Fault{{At: 10 * sec, Node: "pop1", Kind: "crash"}, {At: 20 * sec, Heal: true}},
			Entries: []entry{moved("primary"), moved("secondary")},
			Outages: map[probe.Direction][]probe.Outage{probe.Up: {{From: 10 * sec, To: 12 * sec, Length: 2 * sec}}},
		}}
	}
	if found := checkPoPMove(good()); len(found) > 0 {
		t.Errorf("a good move: %v", found)
	}
	for name, spoil := range map[string]func(*evidence){
		"two PoPs":  func(ev *evidence) { ev.PoPs[1] = "pop1" },
		"one tells": func(ev *evidence) { ev.PoPs = ev.PoPs[:1] },
		"same term": func(ev *evidence) { ev.After = 1 },
		"a duel": func(ev *evidence) {
			for _, who := range vsockets {
				ev.Entries = append(ev.Entries, entry{At: 12 * sec, Who: who, What: report.WhatGranted})
			}
		},
		"moved back":  func(ev *evidence) { ev.Entries = append(ev.Entries, moved("primary")) },
		"long outage": func(ev *evidence) { ev.Outages[probe.Up][0].Length = 16 * sec },
		"late outage": func(ev *evidence) { ev.Outages[probe.Down] = []probe.Outage{{From: 21 * sec}} },
	} {
		ev := good()
		if spoil(ev); len(checkPoPMove(ev)) == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}

// What a manager's absence costs is told apart: an event that is lost or doubled is
// no matter of time, a scenario without a fail-over proves nothing.
func TestManagerDownIsJudged(t *testing.T) {
	good := func() *evidence {
		return &evidence{Facts: &report.Facts{Faults: []report.Fault{{At: 10 * sec, Node: "manager", Kind: "kill"}}},
			events: &report.Events{Total: 5, Spooled: 4, Kinds: []string{"connected", "socket-fail-over"}}}
	}
	if found := checkManagerDown(good()); len(found) > 0 {
		t.Errorf("a good run: %v", found)
	}
	for _, c := range []struct {
		property string
		spoil    func(*evidence)
	}{
		{exactlyOnce, func(ev *evidence) { ev.events = nil }},
		{exactlyOnce, func(ev *evidence) { ev.events.Lost = 1 }},
		{exactlyOnce, func(ev *evidence) { ev.events.Twice = 1 }},
		{row, func(ev *evidence) { ev.events.Kinds = []string{"connected"} }},
		{row, func(ev *evidence) { ev.Faults = nil }},
	} {
		ev := good()
		c.spoil(ev)
		if found := checkManagerDown(ev); len(found) != 1 || found[0].property != c.property {
			t.Errorf("%s: found %v", c.property, found)
		}
	}
}

// What is done at the manager costs no packet; a crash may.
func TestManagedIsJudged(t *testing.T) {
	run := func(from time.Duration) *evidence {
		return &evidence{Facts: &report.Facts{Outages: map[probe.Direction][]probe.Outage{probe.Up: {{From: from, Length: sec}}}, Moves: 2},
			cuts: []cut{{report.CutFacts{Name: "primary crash", Began: 10 * sec, Mended: 15 * sec, Over: 20 * sec, Moves: 1, Failbacks: 1, Terms: 2}, one}}}
	}
	for at, bad := range map[time.Duration]bool{10 * sec: false, 19 * sec: false, 9 * sec: true, 21 * sec: true} {
		if found := checkManaged(run(at)); len(found) > 0 != bad {
			t.Errorf("an outage at %s: %v", at, found)
		}
	}
	ev := run(10 * sec)
	ev.wrong = fail(12*sec, "the local IP is another")
	if len(checkManaged(ev)) != 1 {
		t.Error("what the play saw isn't judged")
	}
}

// An overloaded lab is neither a pass nor a violation.
func TestOverloadIsNoVerdict(t *testing.T) {
	ev := good()
	ev.Overload = 3
	r := ev.judge(failbackRow(t), "instant", nil)
	if r.OK || len(r.Violations) != 0 || r.Exit() != report.ExitOverload {
		t.Errorf("ok %v, violations %v, exit %d", r.OK, r.Violations, r.Exit())
	}
}

// A bound that passed is a violation, and says what was waited for.
func TestTooLateIsAViolation(t *testing.T) {
	r := good().judge(failbackRow(t), "instant", world.ErrTooLate)
	if r.OK || len(r.Violations) != 1 || !strings.Contains(r.Violations[0].Property, "5.7") {
		t.Errorf("violations %+v", r.Violations)
	}
}
