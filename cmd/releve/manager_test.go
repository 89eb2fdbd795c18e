package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/storetest"
	"releve.dev/releve/site"
)

func TestMain(m *testing.M) {
	testscript.Main(storetest.Tests{M: m}, map[string]func(){"releve": main, privately: runPrivately})
}

// What the source's pages do, by the command line against a running manager: E1
// to E12.
func TestManagerScripts(t *testing.T) {
	program := filepath.Join(t.TempDir(), "releve-manager")
	if out, err := exec.Command("go", "build", "-o", program, "../releve-manager").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	v, p, b, a := buildVSocket(t), buildPoP(t), newBrowser(t), newCA(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/manager",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"manager": func(ts *testscript.TestScript, _ bool, args []string) {
				startManager(ts, program, append(args, b.issuer(args)...), b.trust)
			},
			"manager!": func(ts *testscript.TestScript, neg bool, args []string) { askManager(ts, program, neg, args) },
			"seen":     sawVSocket,
			"vsocket":  v.make,
			"vsocket!": v.run,
			"channel":  v.channel,
			"pop":      p.make,
			"pop!":     p.run,
			"serve":    p.serve,
			"crash":    p.crash,
			"told":     told,
			"until":    until,
			"keep":     keepOutput,
			"browse":   b.login,
			"signs":    certificateFor,
			"ca":       a.tell,
			"shows":    a.shows,
		},
		Condition: func(cond string) (bool, error) { return cond == "namespaces" && namespaces(), nil },
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
			env.Setenv("RELEVE_LOGIN", filepath.Join(env.WorkDir, "login.json"))
			return nil
		},
	})
}

// startManager is "manager ARGS": one on a port of its own, until the script ends.
// MANAGER, FINGERPRINT and, at the first start, CODE say what it printed.
func startManager(ts *testscript.TestScript, program string, args []string, trust string) {
	cmd := exec.Command(program, append([]string{"up", "--listen", "127.0.0.1:0", "--data", ts.MkAbs("data"), "--drain", "1s"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+trust)
	log, err := os.Create(ts.MkAbs("manager.log"))
	ts.Check(err)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		ts.Check(cmd.Wait())
		ts.Check(log.Close())
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 2 && words[0] == "manager":
			ts.Setenv("MANAGER", words[1])
			ts.Setenv("ADDRESS", strings.TrimPrefix(words[1], "https://"))
		case len(words) == 2 && words[0] == "fingerprint":
			ts.Setenv("FINGERPRINT", words[1])
		case len(words) > 2 && words[0] == "releve":
			ts.Setenv("CODE", words[len(words)-1])
			return
		}
	}
	ts.Fatalf("the manager didn't start: %s", ts.ReadFile("manager.log"))
}

// askManager is "manager! ARGS": another command of the program, on the same data.
func askManager(ts *testscript.TestScript, program string, neg bool, args []string) {
	cmd := exec.Command(program, append(args, "--data", ts.MkAbs("data"))...)
	cmd.Dir = ts.MkAbs(".")
	out, err := cmd.CombinedOutput()
	if (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, out)
	}
	ts.Setenv("ANSWER", strings.TrimSpace(string(out)))
}

// sawVSocket is "seen SERIAL VERSION": what enrolment and a first report leave.
func sawVSocket(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	db, err := store.Open(ctx, "sqlite:"+ts.MkAbs("data/manager.db"))
	ts.Check(err)
	defer db.Close()
	i := inventory.New(db, inventory.Config{})
	accounts, err := i.Accounts(ctx)
	ts.Check(err)
	serial, err := site.ParseSerial(args[0])
	ts.Check(err)
	version, err := site.ParseVersion(args[1])
	ts.Check(err)
	key, err := i.EnrolKey(ctx, inventory.Actor{Account: accounts[0].ID, ID: "system"}, serial, inventory.Change{})
	if err == nil {
		_, err = i.Redeem(ctx, serial, key.Secret, "machine of "+args[0])
		ts.Check(err)
	}
	ts.Check(i.Seen(ctx, serial, version))
}

// keepOutput is "keep NAME WORD": the first word of the last output that begins
// so, or follows it, becomes the variable NAME.
func keepOutput(ts *testscript.TestScript, _ bool, args []string) {
	for _, word := range strings.Fields(ts.ReadFile("stdout")) {
		if word = strings.Trim(word, ";,:"); strings.HasPrefix(word, args[1]) {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no word begins with %s", args[1])
}
