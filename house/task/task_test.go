package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary stand in for the program when the cleaner starts it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "janitor" {
		janitor(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// Nothing is left behind: neither a program that won't listen, nor its files.
func TestCleanerEndsTheGroupAndRemovesFiles(t *testing.T) {
	c, err := startCleaner()
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left")
	if err := os.MkdirAll(filepath.Join(left, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.remove(left)
	child := exec.Command("sleep", "600")
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: c.group()}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the program ended by itself; it was to be ended")
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the files are still there: %v", err)
	}
}

func TestParseStat(t *testing.T) {
	cases := []struct {
		text  string
		pid   int
		state string
		pgrp  int
		ok    bool
	}{
		{"7 (sleep) S 1 5 5 0", 7, "S", 5, true},
		{"7 (a) Z (b) R 1 5 5 0", 7, "R", 5, true},
		{"7 (a", 0, "", 0, false},
		{"", 0, "", 0, false},
		{"7 (a) S", 0, "", 0, false},
	}
	for _, c := range cases {
		pid, state, pgrp, ok := parseStat(c.text)
		if pid != c.pid || state != c.state || pgrp != c.pgrp || ok != c.ok {
			t.Errorf("%q: %d %s %d %v", c.text, pid, state, pgrp, ok)
		}
	}
}

const goTestSays = `{"Action":"start","Package":"m/releve/a"}
{"Action":"run","Package":"m/releve/a","Test":"TestOne"}
{"Action":"pass","Package":"m/releve/a","Test":"TestOne"}
{"Action":"skip","Package":"m/releve/a","Test":"TestTwo"}
{"Action":"output","Package":"m/releve/a","Test":"TestThree","Output":"a_test.go:7: not so\n"}
{"Action":"fail","Package":"m/releve/a","Test":"TestThree"}
{"Action":"fail","Package":"m/releve/a","Elapsed":1.5}
{"ImportPath":"m/releve/b [m/releve/b.test]","Action":"build-output","Output":"b.go:1: undefined: x\n"}
{"Action":"fail","Package":"m/releve/b","FailedBuild":"m/releve/b [m/releve/b.test]"}
{"Action":"output","Package":"m/releve/c","Output":"panic: in init\n"}
{"Action":"fail","Package":"m/releve/c"}
{"Action":"pass","Package":"m/releve/d"}
`

// What failed is named once, with what was seen; a package that breaks outside
// of a test counts too.
func TestTally(t *testing.T) {
	tally := newTally()
	for line := range strings.Lines(goTestSays) {
		tally.add([]byte(line))
	}
	o := tally.outcome(errors.New("exit status 1"))
	if o.passed != 1 || o.skipped != 1 || len(o.failures) != 3 {
		t.Fatalf("outcome %+v", o)
	}
	want := []failure{
		{"m/releve/a TestThree", "a_test.go:7: not so\n"},
		{"m/releve/b (build)", "b.go:1: undefined: x\n"},
		{"m/releve/c", "panic: in init\n"},
	}
	if !slices.Equal(o.failures, want) {
		t.Errorf("failures %q", o.failures)
	}
	if o.note != "slowest a, 1.5s" {
		t.Errorf("note %q", o.note)
	}
}

func TestTallyOfGoThatWouldNotRun(t *testing.T) {
	tally := newTally()
	tally.add([]byte("go: no such tool \"compile\""))
	o := tally.outcome(errors.New("exit status 2"))
	if len(o.failures) != 1 || !strings.Contains(o.failures[0].seen, "no such tool") {
		t.Errorf("outcome %+v", o)
	}
}

// The last line is the sum, and a run that proved nothing has failed.
func TestClosing(t *testing.T) {
	cases := []struct {
		sum  outcome
		last string
		err  error
	}{
		{outcome{passed: 3}, "3 passed, 0 failed", nil},
		{outcome{passed: 3, skipped: 1}, "3 passed, 0 failed, 1 skipped", nil},
		{outcome{passed: 3, failures: []failure{{"x", ""}}}, "failed: x\n3 passed, 1 failed", errFailed},
		{outcome{}, "failed: no test was run\n0 passed, 1 failed", errFailed},
		{outcome{skipped: 4}, "failed: no test was run\n0 passed, 1 failed, 4 skipped", errFailed},
	}
	for _, c := range cases {
		var out strings.Builder
		s := &shop{screen: &screen{out: &out}}
		if err := s.closing(c.sum, 0); !errors.Is(err, c.err) {
			t.Errorf("%+v: error %v, want %v", c.sum, err, c.err)
		}
		if !strings.HasSuffix(out.String(), "\n"+c.last+"\n") {
			t.Errorf("%+v: printed %q", c.sum, out.String())
		}
	}
}

func TestFuzzNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a_test.go")
	text := "package a\nfunc FuzzDecode(f *testing.F) {}\nfunc (t T) FuzzNot(f *testing.F) {}\nfunc Fuzzy() {}\nfunc TestA(t *testing.T) {}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := fuzzNames(file)
	if err != nil || !slices.Equal(names, []string{"FuzzDecode"}) {
		t.Errorf("names %v, error %v", names, err)
	}
}

// The exit status and the report must agree that all is well.
func TestVerdict(t *testing.T) {
	const fine = `{"ok":true,"violations":[]}`
	cases := []struct {
		name  string
		ended error
		out   string
		want  string
	}{
		{"both well", nil, fine, ""},
		{"status bad, report well", errors.New("exit status 1"), fine, "exit status 1"},
		{"not ok", nil, `{"ok":false,"violations":[]}`, "isn't ok"},
		{"ok with violations", nil, `{"ok":true,"violations":[{"property":"one gate","at_ms":12,"detail":"two"}]}`, "one gate at 12 ms: two"},
		{"no report", nil, "", "read the report"},
	}
	for _, c := range cases {
		err := verdict(c.ended, []byte(c.out), "")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A scenario that guards main is tried even if the lab doesn't list it, so that
// losing one can't go unnoticed; the full plan misses none.
func TestPlans(t *testing.T) {
	if plan := guardPlan([]string{"story"}); len(plan) != len(guarded)+2 || plan[len(plan)-1].scenario != "crash-points" {
		t.Errorf("guard plan %v", plan)
	}
	day := time.Date(2026, 7, 29, 23, 0, 0, 0, time.UTC)
	if got, want := daily(day).String(), "crash-points --azure instant --points 3 --seed 20260729"; got != want {
		t.Errorf("the day's trial is %q, want %q", got, want)
	}
	if daily(day) == daily(day.Add(24*time.Hour)) {
		t.Error("two days, one draw")
	}
	plan := fullPlan([]string{"story", "stop"})
	for _, want := range []trial{{"stop", "instant", ""}, {"story", "instant", ""}, {"story", "fast", ""}, {"crash", "classic", ""}, {"peer-cut", "instant", "--cloud"}, {"azure-slow", "slow", ""}} {
		if !slices.Contains(plan, want) {
			t.Errorf("full plan %v misses %v", plan, want)
		}
	}
	for _, bad := range []string{"", "{}", `{"scenarios":[]}`} {
		if names, err := decodeScenarios([]byte(bad)); err == nil {
			t.Errorf("list %q: names %v", bad, names)
		}
	}
}

func TestDecodeList(t *testing.T) {
	list, err := decodeList([]byte(`{"ImportPath":"a","Deps":["x/armnetwork/v9"]}{"ImportPath":"b","TestGoFiles":["b_test.go"]}`))
	if err != nil || len(list) != 2 {
		t.Fatalf("list %v, error %v", list, err)
	}
	if !list[0].dear() || list[0].hasTests() || list[1].dear() || !list[1].hasTests() {
		t.Errorf("list %+v", list)
	}
}

func TestIsPackage(t *testing.T) {
	for line, want := range map[string]bool{
		"releve.dev/releve/site": true, "fmt": true, "": false,
		"# releve.dev/releve/site": false, "site/site.go:7:2: undefined: x": false,
	} {
		if isPackage([]byte(line)) != want {
			t.Errorf("%q", line)
		}
	}
}

// What the scenarios' packages are made by is the program that make package runs.
func TestThePackagerIsThere(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, packager, "main.go")); err != nil {
		t.Error(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil || !strings.Contains(string(makefile), "run -trimpath "+packager+"\n") {
		t.Errorf("make package runs another program (%v)", err)
	}
}
