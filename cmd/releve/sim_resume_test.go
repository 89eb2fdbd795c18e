package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A run that was ended goes on to the same sum as one that wasn't, and only with
// the program and the seeds that it began with (B9: a million seeds take hours).
func TestLongRunGoesOn(t *testing.T) {
	run := func(r simRun) (sum string, err error) {
		var out bytes.Buffer
		r.jobs = 2
		err = r.run(context.Background(), &out)
		return regexp.MustCompile(`(seconds|cpu)=.*`).ReplaceAllString(out.String(), ""), err
	}
	whole, err := run(simRun{seeds: 12, start: 5, byKind: true})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sum.json")
	if _, err := run(simRun{seeds: 7, start: 5, byKind: true, resume: file}); err != nil {
		t.Fatal(err)
	}
	parts, err := run(simRun{seeds: 12, start: 5, byKind: true, resume: file})
	if err != nil || parts != whole {
		t.Errorf("in two parts: %v\n%s\nat once:\n%s", err, parts, whole)
	}
	if _, err := run(simRun{seeds: 12, start: 6, resume: file}); err == nil || !strings.Contains(err.Error(), "12 seeds from 5 on") {
		t.Errorf("with another start: %v", err)
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(text, []byte(`"program":"`), []byte(`"program":"f`), 1), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(simRun{seeds: 20, start: 5, resume: file}); err == nil || !strings.Contains(err.Error(), "another build") {
		t.Errorf("of another program: %v", err)
	}
}

// Who ends a long run loses the part under way alone, and is told how to go on.
func TestLongRunEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	file := filepath.Join(t.TempDir(), "sum.json")
	r := simRun{seeds: 12, start: 5, jobs: 1, resume: file}
	if err := r.run(ctx, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "ended after 0 of 12 seeds\nhint: the same command goes on") {
		t.Errorf("ended: %v", err)
	}
}
