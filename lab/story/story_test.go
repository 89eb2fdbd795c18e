package story

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/scenario"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	_ scenario.Watcher = (*Show)(nil)
	_ scenario.Watcher = Silence{}
)

func look(fip string, flowing bool, faults ...string) *world.Status {
	ready := site.HAStatus{Configured: true, Ready: true}
	active := &site.Status{Master: true, Role: site.Active, Term: 7, Fit: true, HA: ready}
	standby := &site.Status{Role: site.Standby, Term: 7, Fit: true, HA: ready}
	l := &world.Status{Profile: "fast", FIP: fip, Address: "10.102.2.200", Flowing: flowing, Faults: faults,
		VSockets: map[string]*site.Status{world.Primary: active, world.Secondary: standby}}
	if fip == world.Secondary {
		l.VSockets = map[string]*site.Status{world.Primary: standby, world.Secondary: active}
	}
	if len(faults) > 0 {
		l.VSockets[world.Primary] = nil
	}
	return l
}

func inCloud(l *world.Status, downstream string) *world.Status {
	l.PoP = &world.PoPStatus{Name: world.PoP1, Downstream: downstream}
	return l
}

// The picture shows who is active, who has the floating IP, and the way.
func TestPicture(t *testing.T) {
	for name, l := range map[string]*world.Status{
		"rest":     look(world.Primary, true),
		"crash":    look(world.Primary, false, "primary crash"),
		"nowhere":  look("", false, "primary crash"),
		"takeover": look(world.Secondary, true, "primary crash"),
		"cloud":    inCloud(look(world.Primary, true), "primary"),
	} {
		lines := Picture(term.Style{}, l)
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > pictureWidth {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
		got := strings.Join(lines, "\n") + "\n"
		path := "testdata/" + name + ".txt"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s (go test -update writes it anew):\n%s", path, got)
		}
	}
}

func TestColoursAreOnlyWhereWanted(t *testing.T) {
	l := look(world.Primary, true)
	if text := strings.Join(Picture(term.Style{}, l), ""); strings.Contains(text, "\x1b") {
		t.Error("escape sequences without colours")
	}
	if text := strings.Join(Picture(term.Style{Color: true}, l), ""); !strings.Contains(text, "\x1b[32m") {
		t.Error("no colours where they are wanted")
	}
}

// Every fault that can be made is told in words, not as its name.
func TestEachFaultHasWords(t *testing.T) {
	for _, f := range world.Faults {
		text, _ := narrate(site.Entry{Who: report.Lab, What: report.WhatFault, Detail: f.Nodes[0] + " " + f.Kind})
		if text == "" || strings.HasPrefix(text, "Fault:") || strings.Contains(text, "%!") {
			t.Errorf("fault %s is told as %q", f.Kind, text)
		}
	}
	for _, e := range []site.Entry{{}, {Who: "x"}, {Who: report.Azure, What: "GET 200"}} {
		if text, _ := narrate(e); text != "" {
			t.Errorf("%+v is told as %q", e, text)
		}
	}
}
