package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseBenchKeepsTheBestRun(t *testing.T) {
	results := parseBench(`goos: linux
pkg: releve.dev/releve/wire/keepalive
cpu: some
BenchmarkDecode-2   	  100	      1500 ns/op	       0 B/op	       0 allocs/op
BenchmarkDecode-2   	  100	      1200.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkHop/tap-to-tap-2   	  100	      2000000 ns/op	 120 MB/s	      16 B/op	       1 allocs/op
PASS
`)
	if len(results) != 2 || results[0].ns != 1200.5 || results[1].name != "Hop/tap-to-tap" {
		t.Fatalf("results %+v", results)
	}
	rows := benchTable(results).rows
	want := [][]string{
		{"`wire/keepalive`", "Decode", "1.20 µs", "0 B", "0", ""},
		{"`wire/keepalive`", "Hop/tap-to-tap", "2.00 ms", "16 B", "1", "120 MB/s"},
	}
	for i := range want {
		if !slices.Equal(rows[i], want[i]) {
			t.Errorf("row %q, want %q", rows[i], want[i])
		}
	}
}

// A section measured alone leaves the others as the page has them.
func TestPageKeepsOtherSections(t *testing.T) {
	all := []section{{name: "a", title: "A"}, {name: "b", title: "B"}}
	found := table{head: []string{"x", "y"}, note: "Mind the gap."}
	found.add("1", "2")
	first := writePage(all, map[string]string{"A": all[0].body(found, "a machine")})
	if !strings.Contains(first, "\n## B\n\n"+unmeasured) || !strings.Contains(first, "| x | y |\n|---|---|\n| 1 | 2 |\n\nMind the gap.\n") {
		t.Fatalf("page:\n%s", first)
	}
	page := readPage(first)
	page["B"] = "new\n"
	second := writePage(all, page)
	if readPage(second)["A"] != readPage(first)["A"] || readPage(second)["B"] != "new\n" {
		t.Errorf("page:\n%s", second)
	}
}

func TestReadUsage(t *testing.T) {
	stat := "812 (releve) x) S 1 812 812 0 -1 4194560 1 2 3 4 150 50 0 0 0 -20 9 0 77 1 2"
	u, err := readUsage(stat, "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n")
	if err != nil || u != (usage{cpu: 2 * time.Second, resident: 1024, most: 2048, threads: 9}) {
		t.Errorf("usage %+v, error %v", u, err)
	}
	for _, bad := range []string{"", "812", "812 (x) S 1 2", "812 (x) S 1 812 812 0 -1 4194560 1 2 3 4 a b 0 0"} {
		if u, err := readUsage(bad, ""); err == nil {
			t.Errorf("%q: %+v", bad, u)
		}
	}
}

func TestReadinessNeedsBoth(t *testing.T) {
	const one = `{"nodes":{"primary":{"ha":{"ready":true}},"secondary":{"ha":{"ready":false}}}}`
	const both = `{"nodes":[{"ha":{"ready":true}},{"ha":{"ready":true}}]}`
	if readiness([]byte(one)) || !readiness([]byte(both)) || readiness([]byte("no")) {
		t.Error("readiness is not that of both")
	}
}

// Time in the emulator: the taker's calls alone, overlaps once, cut to the window.
func TestWithin(t *testing.T) {
	var run labRun
	text := `{"ok":true,"detect_ms":100,"steer_ms":50,
	 "timeline":[
	  {"at_ms":90,"who":"azure","what":"GET 200","detail":"secondary: nic"},
	  {"at_ms":105,"who":"azure","what":"GET 200","detail":"primary: nic"},
	  {"at_ms":110,"who":"azure","what":"PUT 200","detail":"secondary: nic"},
	  {"at_ms":112,"who":"azure","what":"GET 200","detail":"secondary: nic"},
	  {"at_ms":120,"who":"secondary","what":"gate opened","detail":""}],
	 "arm_calls":[
	  {"who":"secondary","method":"GET","ms":15},{"who":"primary","method":"GET","ms":30},
	  {"who":"secondary","method":"PUT","ms":8},{"who":"secondary","method":"GET","ms":2}]}`
	if err := json.Unmarshal([]byte(text), &run); err != nil {
		t.Fatal(err)
	}
	if ms, calls := run.within(100, 150); ms != 13 || calls != 3 {
		t.Errorf("%v ms in %d calls, want 13 in 3", ms, calls)
	}
}

func TestSummary(t *testing.T) {
	if s := summary([]float64{4, 1, 3, 2}); s != (spread{1, 2.5, 4}) {
		t.Errorf("%+v", s)
	}
	if s := summary([]float64{7}); s != (spread{7, 7, 7}) {
		t.Errorf("%+v", s)
	}
}

func TestCPUModel(t *testing.T) {
	if m := cpuModel("processor\t: 0\nmodel name\t: Some CPU\n"); m != "Some CPU" {
		t.Errorf("model %q", m)
	}
	if m := cpuModel("processor\t: 0\n"); !strings.HasPrefix(m, "an unnamed ") {
		t.Errorf("model %q", m)
	}
}
