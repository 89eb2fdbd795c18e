package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

// vsockets are the real programs, beside agents that say what a script wants.
type vsockets struct{ program string }

func buildVSocket(t *testing.T) vsockets {
	t.Helper()
	program := filepath.Join(t.TempDir(), "releve-vsocket")
	if out, err := exec.Command("go", "build", "-o", program, "../releve-vsocket").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return vsockets{program}
}

// make is "vsocket NAME STATUS": settings of its own, and an agent whose status
// is what the file says, until the script ends.
func (v vsockets) make(ts *testscript.TestScript, _ bool, args []string) {
	home := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(home, 0o700))
	text := strings.NewReplacer("/var/lib/releve", filepath.Join(home, "state"), "/run/releve", filepath.Join(home, "run"),
		"routes: own", "routes: system").Replace(config.FreshSample())
	ts.Check(os.WriteFile(filepath.Join(home, "vsocket.yaml"), []byte(text), 0o600))
	server, err := control.Serve(filepath.Join(home, "run"), control.Handlers{Status: func(context.Context) (status site.Status, err error) {
		raw, err := os.ReadFile(ts.MkAbs(args[1]))
		if err != nil {
			return status, err
		}
		return status, json.Unmarshal(raw, &status)
	}, Journal: func(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error {
		return emit(site.Entry{Wall: time.Unix(1_800_000_000, 0), Who: args[0], What: "was asked", Detail: fmt.Sprint(since.Unix(), follow)})
	}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
}

// run is "vsocket! NAME ARGS": a command of the program's.
func (v vsockets) run(ts *testscript.TestScript, neg bool, args []string) {
	out, err := v.command(ts, args).CombinedOutput()
	if (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, out)
	}
	ts.Setenv("ANSWER", strings.TrimSpace(string(out)))
}

func (v vsockets) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	return exec.Command(v.program, append([]string{"--config", filepath.Join(ts.MkAbs(args[0]), "vsocket.yaml")}, args[1:]...)...)
}

// channel is "channel NAME": the process that talks to the manager, until the
// script ends.
func (v vsockets) channel(ts *testscript.TestScript, _ bool, args []string) {
	cmd := v.command(ts, []string{args[0], "channel"})
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	cmd.Stderr = log
	ts.Check(cmd.Start())
	ts.Defer(func() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		ts.Check(cmd.Wait())
		ts.Check(log.Close())
	})
}

// until is "until PATTERN FILE|releve ARGS": what the command prints, or the file
// has, matches within a while.
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	var said string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		if len(args) == 2 {
			said = ts.ReadFile(args[1])
		} else if err := ts.Exec(args[1], args[2:]...); err != nil {
			said = err.Error() + "\n" + ts.ReadFile("stderr")
		} else {
			said = ts.ReadFile("stdout")
		}
		if want.MatchString(said) {
			return
		}
	}
	ts.Fatalf("never %s; at last:\n%s", args[0], said)
}
