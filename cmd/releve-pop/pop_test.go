package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"

	"releve.dev/releve/lab/room/roomtest"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// asProgram makes this test's binary the program itself.
const asProgram = "RELEVE_TEST_AS_POP"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(terminal.Execute(rootCommand(), os.Args[1:]))
	}
	roomtest.Main(m)
}

const patience = 20 * time.Second

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// machine is where a PoP is run, in the room's own namespace.
type machine struct {
	t    *testing.T
	dir  string
	file string
}

func newMachine(t *testing.T) *machine {
	roomtest.Need(t)
	dir := t.TempDir()
	m := &machine{t: t, dir: dir, file: filepath.Join(dir, "pop.yaml")}
	m.settings(siteA + siteB)
	return m
}

const (
	siteA = `  - {name: a, id: 1, ranges: [10.102.0.0/16], primary: {public_key: YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=, address: 100.64.1.1, witness_key: YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=}}
`
	siteB = `  - {name: b, id: 2, ranges: [10.200.0.0/16], primary: {public_key: Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M=, address: 100.64.2.1, witness_key: ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ=}}
`
)

func (m *machine) settings(sites string) {
	m.t.Helper()
	text := fmt.Sprintf("name: pop1\nstate_dir: %s/state\nrun_dir: %s/run\nuplink: {name: lo, address: 127.0.0.1}\nsites:\n%s", m.dir, m.dir, sites)
	must(0, os.WriteFile(m.file, []byte(text), 0o600))(m.t)
}

func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append(args, "--config", m.file)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// run runs a command and returns its exit status and all that it says.
func (m *machine) run(args ...string) (int, string) {
	m.t.Helper()
	cmd := m.command(args...)
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(said)
}

// ok runs a command that must succeed.
func (m *machine) ok(args ...string) string {
	m.t.Helper()
	code, said := m.run(args...)
	if code != 0 {
		m.t.Fatalf("%v: exit status %d\n%s", args, code, said)
	}
	return said
}

// running is a PoP in the background.
type running struct {
	*machine
	cmd  *exec.Cmd
	log  *log
	once sync.Once
}

// log keeps what the program says, safely for two.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.text.Write(p) }
func (l *log) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

var _ io.Writer = (*log)(nil)

func (m *machine) start() *running {
	m.t.Helper()
	r := &running{machine: m, cmd: m.command("run"), log: &log{}}
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	must(0, r.cmd.Start())(m.t)
	m.t.Cleanup(func() { r.end(syscall.SIGKILL) })
	r.until("it serves", func(s control.Status) bool { return len(s.Devices) == 2 })
	return r
}

func (r *running) end(s syscall.Signal) {
	r.once.Do(func() {
		_ = r.cmd.Process.Signal(s)
		timer := time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() })
		defer timer.Stop()
		_ = r.cmd.Wait()
	})
}

// until asks for the status until it is as wanted.
func (r *running) until(what string, wanted func(control.Status) bool) control.Status {
	r.t.Helper()
	client, began := control.Dial(control.Socket(filepath.Join(r.dir, "run"))), time.Now()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for {
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		s, err := client.Status(ctx)
		cancel()
		if err == nil && wanted(s) {
			return s
		}
		if time.Since(began) > patience {
			r.t.Fatalf("not until %s: %+v, %v\n%s", what, s, err, r.log)
		}
		<-pace.C
	}
}

// left is what of a PoP is in the kernel.
func left(t *testing.T) (all []string) {
	t.Helper()
	for _, l := range must(netlink.LinkList())(t) {
		if strings.HasPrefix(l.Attrs().Name, "rlv-") {
			all = append(all, l.Attrs().Name)
		}
	}
	for _, table := range must(must(nftables.New())(t).ListTables())(t) {
		all = append(all, "table "+table.Name)
	}
	lo := must(netlink.LinkByName("lo"))(t)
	for _, a := range must(netlink.AddrList(lo, netlink.FAMILY_V4))(t) {
		if a.IP.String() == "100.64.0.1" {
			all = append(all, "address")
		}
	}
	return all
}

func TestALife(t *testing.T) {
	m := newMachine(t)
	if code, said := m.run("run"); code != 1 || !strings.Contains(said, "hint: releve-pop init") {
		t.Errorf("without a key: %d\n%s", code, said)
	}
	key := strings.TrimSpace(m.ok("init"))
	if again := m.ok("init"); !strings.Contains(again, "it stays") || !strings.HasSuffix(again, key+"\n") {
		t.Errorf("init again: %s", again)
	}
	if code, said := m.run("status"); code != 1 || !strings.Contains(said, "the PoP is not running") {
		t.Errorf("status of nobody: %d\n%s", code, said)
	}
	r := m.start()
	s := r.until("two sites", func(s control.Status) bool { return len(s.Sites) == 2 })
	if s.PublicKey.String() != key || !s.Devices[0].Up || !s.Devices[1].Up || s.Sites[0].Name != "a" || s.Sites[0].Downstream != site.Primary || len(s.Problems) > 0 {
		t.Errorf("status: %+v", s)
	}
	text := m.ok("status")
	for _, want := range []string{"Site a", "number 1, 10.102.0.0/16; down by the primary, up by the primary", "100.64.1.1, never heard, 0 bit/s up", "Device rlv-s", "Dropped"} {
		if !strings.Contains(text, want) {
			t.Errorf("status doesn't say %q:\n%s", want, text)
		}
	}
	if code, said := m.run("run"); code != 1 || !strings.Contains(said, "another PoP is running") {
		t.Errorf("a second one: %d\n%s", code, said)
	}

	m.settings(siteA + strings.Replace(siteB, "10.200.0.0/16", "10.102.7.0/24", 1))
	must(0, r.cmd.Process.Signal(syscall.SIGHUP))(t)
	s = r.until("b is refused", func(s control.Status) bool { return len(s.Sites) == 1 })
	if len(s.Refused) != 1 || !strings.Contains(s.Refused[0].Reason, "overlaps 10.102.0.0/16 of site a") {
		t.Errorf("status: %+v", s)
	}
	if code, said := m.run("check"); code != 1 || !strings.Contains(said, "would run with the other sites, 1") {
		t.Errorf("check: %d\n%s", code, said)
	}
	m.settings("  nonsense")
	must(0, r.cmd.Process.Signal(syscall.SIGHUP))(t)
	s = r.until("the file is refused", func(s control.Status) bool { return len(s.Problems) == 1 })
	if len(s.Sites) != 1 {
		t.Errorf("status: %+v", s)
	}
	r.end(syscall.SIGTERM)
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d\n%s", code, r.log)
	}
	if all := left(t); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
}

// A PoP that was killed leaves things behind, and the next one clears them.
func TestAfterAKill(t *testing.T) {
	m := newMachine(t)
	m.ok("init")
	first := m.start()
	first.end(syscall.SIGKILL)
	if all := left(t); !slices.Contains(all, "table releve-pop") {
		t.Errorf("a killed one leaves %v: this test shows nothing", all)
	}
	second := m.start()
	second.until("two sites", func(s control.Status) bool { return len(s.Sites) == 2 && len(s.Problems) == 0 })
	second.end(syscall.SIGTERM)
	if all := left(t); len(all) > 0 {
		t.Errorf("left behind: %v", all)
	}
}
