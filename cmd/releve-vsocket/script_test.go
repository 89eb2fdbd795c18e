package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	first "releve.dev/releve/lab/machine/guest"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/journal"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == deviceUse { // the tunnel's, of an agent in a test
		main()
	}
	first.Main() // of a VM in a test
	testscript.Main(inRoom{m}, map[string]func(){"releve-vsocket": main})
}

// inRoom runs the tests in a room, where there can be one: some need network
// namespaces.
type inRoom struct{ *testing.M }

func (r inRoom) Run() int {
	if !room.Inside() {
		if status, err := room.Enter(nil); err == nil {
			return status
		}
	}
	return r.M.Run()
}

// The command line as a person meets it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"settings": writeSettings,
			"agent":    startAgent,
			"keep":     keepJournal,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
			return nil
		},
	})
}

// writeSettings is "settings FILE [solo]": the sample with directories of the
// script's own, without HA if asked for.
func writeSettings(ts *testscript.TestScript, _ bool, args []string) {
	text := config.FreshSample()
	if len(args) == 2 {
		text, _, _ = strings.Cut(text, "# High availability.")
	}
	text = strings.NewReplacer("/var/lib/releve", ts.MkAbs("state"), "/run/releve", ts.MkAbs("run"),
		"name: eth2", "name: absent0").Replace(text)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// startAgent is "agent STATUS STEPS JOURNAL": a door with what the files say
// behind it, until the script ends. "-" leaves a door shut.
func startAgent(ts *testscript.TestScript, _ bool, args []string) {
	handlers := control.Handlers{}
	if file := args[0]; file != "-" {
		handlers.Status = func(context.Context) (status site.Status, err error) {
			return status, json.Unmarshal([]byte(ts.ReadFile(file)), &status)
		}
	}
	if file := args[1]; file != "-" {
		lines := strings.Split(strings.TrimSpace(ts.ReadFile(file)), "\n")
		handlers.APITest = func(_ context.Context, emit func(any) error) error {
			for _, line := range lines {
				if err := emit(json.RawMessage(line)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	handlers.Journal = func(_ context.Context, since time.Time, _ bool, emit func(site.Entry) error) error {
		if since.IsZero() {
			return errors.New("asked for everything")
		}
		return emit(site.Entry{Wall: since, Who: "primary", What: "since", Detail: fmt.Sprint(since.UTC().Format(time.TimeOnly))})
	}
	server, err := control.Serve(ts.MkAbs("run"), handlers)
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
}

// keepJournal is "keep": two entries in the state directory, as an agent that
// has ended leaves them.
func keepJournal(ts *testscript.TestScript, _ bool, _ []string) {
	kept, err := journal.Open(ts.MkAbs("state/journal"))
	ts.Check(err)
	at := time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.UTC)
	kept.Append(site.Entry{Wall: at, Who: "secondary", What: "peer silent", Detail: "lan 201 ms"})
	kept.Append(site.Entry{Wall: at.Add(24*time.Hour + time.Millisecond), Who: "secondary", What: "active"})
	ts.Check(kept.Close())
}
