package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"releve.dev/releve/manager/store/storetest"
)

// What an administrator does with databases and several managers, by the programs.
func TestDatabaseScripts(t *testing.T) {
	s := &several{program: filepath.Join(t.TempDir(), "releve-manager")}
	if out, err := exec.Command("go", "build", "-o", s.program, "../releve-manager").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/database",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": s.serve, "stop": s.stop, "kill": s.kill, "manager": s.ask,
			"until": until, "keep": keepOutput,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
			env.Setenv("RELEVE_LOGIN", filepath.Join(env.WorkDir, "login.json"))
			env.Setenv("POSTGRES", storetest.Postgres(t))
			env.Values["running"] = map[string]*running{}
			return nil
		},
	})
}

// several is the program, of which a script may run several.
type several struct{ program string }

// running is a manager.
type running struct {
	cmd *exec.Cmd
	log *os.File
}

// serve is "serve NAME ARGS": a manager on a port of its own, until the script ends
// or stops it. NAME is its address then, FINGERPRINT and CODE what it printed.
func (s *several) serve(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	cmd := exec.Command(s.program, append([]string{"up", "--listen", "127.0.0.1:0", "--drain", "1s"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	all := ts.Value("running").(map[string]*running)
	all[name] = &running{cmd, log}
	ts.Defer(func() {
		if all[name] != nil {
			s.stop(ts, false, []string{name})
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 2 && words[0] == "manager":
			ts.Setenv(name, words[1])
		case len(words) == 2 && words[0] == "fingerprint":
			ts.Setenv("FINGERPRINT", words[1])
		case len(words) > 2 && words[0] == "releve":
			ts.Setenv("CODE", words[len(words)-1])
			return
		case len(words) == 2 && words[0] == "data" && ts.Getenv("CODE") != "":
			return // somebody is there by now, so no code follows
		}
	}
	ts.Fatalf("the manager didn't start: %s", ts.ReadFile(name+".log"))
}

// stop is "stop NAME": in order.
func (s *several) stop(ts *testscript.TestScript, _ bool, args []string) {
	m := s.take(ts, args[0])
	ts.Check(m.cmd.Process.Signal(syscall.SIGTERM))
	ts.Check(m.cmd.Wait())
	ts.Check(m.log.Close())
}

// kill is "kill NAME": at once.
func (s *several) kill(ts *testscript.TestScript, _ bool, args []string) {
	m := s.take(ts, args[0])
	ts.Check(m.cmd.Process.Kill())
	_ = m.cmd.Wait() // it was killed
	ts.Check(m.log.Close())
}

func (s *several) take(ts *testscript.TestScript, name string) *running {
	all := ts.Value("running").(map[string]*running)
	m := all[name]
	if m == nil {
		ts.Fatalf("no manager %s runs", name)
	}
	delete(all, name)
	return m
}

// ask is "manager ARGS": another command of the program.
func (s *several) ask(ts *testscript.TestScript, neg bool, args []string) {
	if err := ts.Exec(s.program, args...); (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
}
