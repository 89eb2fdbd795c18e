package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cleaner is a second process of this program. It leads the process group that
// every program of the shop runs in, and holds one end of a pipe whose other
// end is ours alone. When the pipe closes, because we end or are killed, it
// ends what is left of the group and removes what it was told to remove.
type cleaner struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startCleaner() (*cleaner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, "janitor")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the cleaner's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the cleaner: %w", err)
	}
	return &cleaner{cmd: cmd, pipe: pipe}, nil
}

func (c *cleaner) group() int { return c.cmd.Process.Pid }

// remove has path removed at the end. A failed write means that the cleaner is
// gone, which close reports.
func (c *cleaner) remove(path string) { _, _ = fmt.Fprintln(c.pipe, path) }

// close returns once all is clean.
func (c *cleaner) close() error {
	err := c.pipe.Close()
	if waited := c.cmd.Wait(); waited != nil {
		err = errors.Join(err, fmt.Errorf("clean up: %w", waited))
	}
	return err
}

// grace is how long a program may take to end by itself once it is told to.
const grace = 10 * time.Second

func janitor(pipe io.Reader) {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	var paths []string
	for scan := bufio.NewScanner(pipe); scan.Scan(); {
		paths = append(paths, scan.Text())
	}
	endGroup(syscall.Getpgrp(), os.Getpid())
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			fmt.Fprintln(os.Stderr, "clean up:", err)
		}
	}
}

// endGroup ends every process of the group but self: kindly, then by force.
func endGroup(group, self int) {
	members := groupMembers(group, self)
	tell(members, syscall.SIGTERM)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); len(members) > 0; <-tick.C {
		if time.Since(began) > grace {
			tell(members, syscall.SIGKILL)
		}
		members = groupMembers(group, self)
	}
}

func tell(pids []int, sig syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig) // one that is already gone needs no telling
	}
}

// groupMembers reads /proc, for the group that leads itself can't be signalled
// without its leader. Zombies are none of it.
func groupMembers(group, self int) []int {
	var pids []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		pid, state, pgrp, ok := parseStat(string(text))
		if ok && pgrp == group && pid != self && state != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parseStat reads the first fields of /proc/PID/stat (proc(5)); the name in
// parentheses may hold anything.
func parseStat(text string) (pid int, state string, pgrp int, ok bool) {
	open, shut := strings.Index(text, " ("), strings.LastIndex(text, ") ")
	if open < 0 || shut < open {
		return 0, "", 0, false
	}
	fields := strings.Fields(text[shut+2:])
	if len(fields) < 3 {
		return 0, "", 0, false
	}
	pid, errPID := strconv.Atoi(text[:open])
	pgrp, errGroup := strconv.Atoi(fields[2])
	return pid, fields[0], pgrp, errPID == nil && errGroup == nil
}
