package world

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/steps"
)

// program is what runs on a node: a vSocket's agent, its channel or its pages, a PoP,
// the manager.
type program struct {
	node   string
	what   string // it is, for people
	dir    string
	argv   []string
	config string                // name of its configuration, in dir; "": none
	log    string                // name of the file that has its words, in dir
	keeps  []string              // names of what else outlives the lab for who wants it, in dir
	start  func(*exec.Cmd) error // inside the node
	note   func(who, what, detail string)
	before func(node, step string) // nil: it isn't asked for its steps

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{}
	wanted bool // to run: an end that nobody asked for is told
	held   bool // it isn't there yet: nothing starts it
}

// newProgram is the program of a node, with a folder that is the node's disk.
func (w *World) newProgram(node, config, path string) (*program, error) {
	p := w.programOn(node, "agent")
	p.config, p.keeps = config, []string{config, "state"}
	p.argv = []string{path, "run", "--config", p.path(config)}
	w.programs[node] = p
	return p, os.MkdirAll(p.dir, 0o700)
}

// programOn is a program on a node's disk, whose command line is not set yet.
func (w *World) programOn(node, what string) *program {
	return &program{node: node, what: what, dir: w.disk(node), log: what + ".log", note: w.noteAs,
		start: func(cmd *exec.Cmd) error { return w.StartIn(node, cmd) }}
}

// on lists the programs of a node, in the order in which they are started.
func (w *World) on(node string) (list []*program) {
	for _, p := range []*program{w.programs[node], w.channels[node]} {
		if p != nil {
			list = append(list, p)
		}
	}
	if pages := w.webuis[node]; pages != nil {
		list = append(list, pages.program)
	}
	return list
}

// all lists the programs of all nodes.
func (w *World) all() (list []*program) {
	for node := range w.programs {
		list = append(list, w.on(node)...)
	}
	return list
}

// disk is what a node keeps over a crash.
func (w *World) disk(node string) string { return filepath.Join(w.dir, node) }

// stateDir and runDir are the node's agent's, as the lab finds them.
func (w *World) stateDir(node string) string {
	if m := w.guestOf(node); m != nil {
		return m.Path(config.Default().StateDir)
	}
	return filepath.Join(w.disk(node), "state")
}

func (w *World) runDir(node string) string {
	if m := w.guestOf(node); m != nil {
		return m.Path(config.Default().RunDir)
	}
	return filepath.Join(w.disk(node), "run")
}

// StartIn starts a program inside a node.
func (w *World) StartIn(node string, cmd *exec.Cmd) error {
	if m := w.guestOf(node); m != nil {
		return m.Start(cmd)
	}
	host, err := w.Host(node)
	if err != nil {
		return err
	}
	return host.Start(cmd)
}

func (p *program) path(name string) string { return filepath.Join(p.dir, name) }

// hold says whether the program is there at all.
func (p *program) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
}

// run starts the program.
func (p *program) run() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil || p.held {
		return nil
	}
	log, err := os.OpenFile(p.path(p.log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.startStepwise(cmd); err != nil {
		return fmt.Errorf("start the program of %s: %w", p.node, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.wanted = cmd, ended, true
	go p.watch(cmd, ended)
	return nil
}

// startStepwise starts it with a line on which it names its steps, if somebody
// wants to stand between them.
func (p *program) startStepwise(cmd *exec.Cmd) error {
	if p.before == nil {
		return p.start(cmd)
	}
	lab, agent, err := steps.Pair()
	if err != nil {
		return err
	}
	defer agent.Close()
	cmd.ExtraFiles = []*os.File{agent} // the descriptor after the standard three
	cmd.Env = append(os.Environ(), steps.Env+"=3")
	if err := p.start(cmd); err != nil {
		lab.Close()
		return err
	}
	go steps.Serve(lab, func(step string) { p.before(p.node, step) })
	return nil
}

func (p *program) watch(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	unasked := p.wanted
	p.cmd = nil
	p.mu.Unlock()
	close(ended)
	if unasked {
		p.note(p.node, p.what+report.WhatEnded, fmt.Sprintf("%v: %s", err, p.lastWords()))
	}
}

// lastWords is the last line of its log.
func (p *program) lastWords() string {
	text, _ := os.ReadFile(p.path(p.log))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}

// signal reaches the program and what it has started.
func (p *program) signal(s unix.Signal, wanted bool) (ended <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		done := make(chan struct{})
		close(done)
		return done
	}
	p.wanted = wanted
	_ = unix.Kill(-p.cmd.Process.Pid, s)
	return p.ended
}

// kill ends it at once and waits for that.
func (p *program) kill() { <-p.signal(unix.SIGKILL, false) }

// stop ends it cleanly.
func (p *program) stop(ctx context.Context) error {
	select {
	case <-p.signal(unix.SIGTERM, false):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the program of %s doesn't stop: %w", p.node, ctx.Err())
	}
}

// signalAll reaches every process in a node, whoever started it.
func (w *World) signalAll(node string, s unix.Signal) error {
	host, err := w.Host(node)
	if err != nil {
		return err
	}
	pids, err := host.Processes()
	for _, pid := range pids {
		_ = unix.Kill(pid, s) // it may have ended meanwhile
	}
	return err
}

func (p *program) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd != nil
}

func (p *program) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// write gives it its configuration.
func (p *program) write(text []byte) error { return os.WriteFile(p.path(p.config), text, 0o600) }
