package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/authority"
)

// program is a releve-manager that runs.
type program struct {
	address string
	log     string // what it says, and what its collector says
	args    []string
	cmd     *exec.Cmd
	ended   chan struct{}
}

// newProgram starts one at an address of its own on loopback. database is "" for
// the SQLite in dir.
func newProgram(dir, database string) (*program, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &program{address: l.Addr().String(), log: filepath.Join(dir, "log")}
	if err := l.Close(); err != nil {
		return nil, err
	}
	p.args = []string{"up", "--data", dir, "--listen", p.address}
	if database != "" {
		p.args = append(p.args, "--database", database)
	}
	return p, p.start()
}

func managerCommand(args ...string) (*exec.Cmd, error) {
	path, err := filepath.Abs("bin/releve-manager")
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, err
}

// collecting makes a Go program tell what each collection of memory leaves.
const collecting = "GODEBUG=gctrace=1"

func appending(file string) (*os.File, error) {
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// start returns once it serves.
func (p *program) start() error {
	cmd, err := managerCommand(p.args...)
	if err != nil {
		return err
	}
	log, err := appending(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Env, cmd.Stderr = append(os.Environ(), collecting), log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	greeted := false
	for !greeted && lines.Scan() {
		greeted = strings.Contains(lines.Text(), "https://")
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	go func() {
		defer close(p.ended)
		_, _ = io.Copy(io.Discard, out) // until it has ended
		_ = cmd.Wait()                  // how, its log says
	}()
	if !greeted {
		return errors.Join(fmt.Errorf("releve-manager doesn't serve: %s", lastOf(p.log)), p.kill())
	}
	return nil
}

func (p *program) kill() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func lastOf(file string) string {
	text, _ := os.ReadFile(file)
	return string(text[max(0, len(text)-500):])
}

// collected is a line of Go's gctrace (package runtime): what was left of the heap,
// and the stacks, in MB.
var collected = regexp.MustCompile(`(?m)^gc \d+ @.* \d+->\d+->(\d+) MB, \d+ MB goal, (\d+) MB stacks`)

// liveIn is what the last collection of the program with this log left, in bytes;
// 0 if there was none.
func liveIn(log string) (float64, error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return 0, err
	}
	all := collected.FindAllSubmatch(text, -1)
	if len(all) == 0 {
		return 0, nil
	}
	last := all[len(all)-1]
	heap, _ := strconv.Atoi(string(last[1])) // digits
	stacks, _ := strconv.Atoi(string(last[2]))
	return float64(heap+stacks) * (1 << 20), nil
}

// person is a client of a manager, with a token.
func (p *program) person(ctx context.Context, dir, code string) (token string, err error) {
	c, err := p.client(dir, "")
	if err != nil {
		return "", err
	}
	if _, err := c.Redeem(ctx, code, "a bench's own password"); err != nil {
		return "", err
	}
	made, err := c.NewToken(ctx, client.NewToken{Name: "bench", Scopes: []string{"site.read", "site.change"}})
	return made.Secret, err
}

func (p *program) client(dir, token string) (*client.Client, error) {
	ca, err := authority.Open(authorityOf(dir))
	if err != nil {
		return nil, err
	}
	return client.New("https://"+p.address, fmt.Sprintf("%x", ca.Fingerprint()), token)
}
