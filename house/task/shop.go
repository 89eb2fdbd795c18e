package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// shop is where the steps work: the repo's root, a temporary directory that is
// removed at the end, and the process group that all programs run in.
type shop struct {
	root   string
	temp   string
	clean  *cleaner
	screen *screen
	list   []pkg // filled by the step "modules"
}

func openShop() (*shop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return nil, fmt.Errorf("no go.mod in %s\nhint: run make in the repo's root", root)
	}
	clean, err := startCleaner()
	if err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "releve-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary directory: %w", err), clean.close())
	}
	clean.remove(temp)
	// Passed through by the unprivileged user that a test's PostgreSQL runs as.
	if err := os.Chmod(temp, 0o711); err != nil {
		return nil, errors.Join(err, clean.close())
	}
	return &shop{root: root, temp: temp, clean: clean, screen: newScreen(os.Stdout)}, nil
}

func (s *shop) close() error { return s.clean.close() }

// command prepares a program of the shop: it has no standard input, builds
// without cgo unless env says otherwise, keeps its temporary files where they
// are removed, and ends with the shop.
func (s *shop) command(ctx context.Context, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "TMPDIR="+s.temp)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: s.clean.group()}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// output runs a program and returns its standard output; an error ends with
// what the program said on standard error.
func (s *shop) output(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	return s.outputIn(ctx, s.root, env, name, args...)
}

// outputIn is output in another folder.
func (s *shop) outputIn(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := s.command(ctx, env, name, args...)
	cmd.Dir = dir
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", name, args[0], err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// lines runs a program and hands each line of what it prints to each.
func (s *shop) lines(ctx context.Context, env []string, each func(line []byte), name string, args ...string) error {
	cmd := s.command(ctx, env, name, args...)
	splitter := &lineWriter{each: each}
	cmd.Stdout, cmd.Stderr = splitter, splitter
	err := cmd.Run()
	splitter.flush()
	return err
}

// lineWriter cuts a stream into lines. Both streams of a program may share it:
// os/exec then writes from one goroutine.
type lineWriter struct {
	each func([]byte)
	rest []byte
}

var _ io.Writer = (*lineWriter)(nil)

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.each(line)
		w.rest = rest
	}
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.each(w.rest)
	}
	w.rest = nil
}
