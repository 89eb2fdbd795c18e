package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"releve.dev/releve/house/private"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// pops are the real programs, which serve in namespaces of their own.
type pops struct{ program string }

// Programs of this test that a script runs: see startPoP.
const privately = "privately"

// runPrivately becomes another program, in the namespaces that it was started in.
func runPrivately() {
	private.Inside()
	err := syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// namespaces says whether they can be had here.
func namespaces() bool {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = inNamespaces()
	return cmd.Run() == nil
}

// inNamespaces: Pdeathsig is about a thread, which this test doesn't keep.
func inNamespaces() *syscall.SysProcAttr {
	attr := private.Attributes()
	attr.Pdeathsig = 0
	return attr
}

func buildPoP(t *testing.T) pops {
	t.Helper()
	program := filepath.Join(t.TempDir(), "releve-pop")
	if out, err := exec.Command("go", "build", "-o", program, "../releve-pop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return pops{program}
}

// make is "pop NAME": settings of its own, and a key.
func (p pops) make(ts *testscript.TestScript, _ bool, args []string) {
	home := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(home, 0o700))
	text := fmt.Sprintf("name: %s\nstate_dir: %s/state\nrun_dir: %s/run\nuplink: {name: lo, address: 127.0.0.1, public: 203.0.113.30}\nsites: []\n", args[0], home, home)
	ts.Check(os.WriteFile(filepath.Join(home, "pop.yaml"), []byte(text), 0o600))
	p.run(ts, false, []string{args[0], "init"})
}

func (p pops) command(ts *testscript.TestScript, args []string) *exec.Cmd {
	return exec.Command(p.program, append([]string{"--config", filepath.Join(ts.MkAbs(args[0]), "pop.yaml")}, args[1:]...)...)
}

// crash is "crash NAME-run": what serves so, ends without a word.
func (p pops) crash(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(ts.ReadFile(args[0] + ".pid"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGKILL))
}

// run is "pop! NAME ARGS": a command of the program's; ANSWER is what it says.
func (p pops) run(ts *testscript.TestScript, neg bool, args []string) {
	out, err := p.command(ts, args).CombinedOutput()
	if (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, out)
	}
	ts.Setenv("ANSWER", strings.TrimSpace(string(out)))
	ts.Check(os.WriteFile(ts.MkAbs("answer"), out, 0o600))
}

// serve is "serve NAME run" or "serve NAME channel": until the script ends. What it
// says is in NAME-run.log.
func (p pops) serve(ts *testscript.TestScript, _ bool, args []string) {
	cmd, name := p.command(ts, args), args[0]+"-"+args[1]
	if args[1] == "run" {
		cmd.Args = append([]string{privately}, cmd.Args...)
		path, err := exec.LookPath(privately)
		ts.Check(err)
		cmd.Path, cmd.SysProcAttr = path, inNamespaces()
		cmd.Env = append(os.Environ(), "RELEVE_PRIVATE=1")
	}
	log, err := os.OpenFile(ts.MkAbs(name+".log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	ts.Check(os.WriteFile(ts.MkAbs(name+".pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600))
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		_ = log.Close()
	})
}

// told is "told SERIAL LAN MGMT": what a vSocket's Hello leaves.
func told(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	db, err := store.Open(ctx, "sqlite:"+ts.MkAbs("data/manager.db"))
	ts.Check(err)
	defer db.Close()
	key := tunnel.GenerateKey().Public()
	ts.Check(inventory.New(db, inventory.Config{}).Told(ctx, site.Serial(args[0]), inventory.Local{
		LANIP: netip.MustParseAddr(args[1]), MGMTIP: netip.MustParseAddr(args[2]), TunnelKey: key.String()}))
}
