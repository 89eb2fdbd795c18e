package guest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// children are the processes that this one has started and waits for. Orphans, for
// which nobody waits, fall to a PID namespace's first process too, and go by reap.
type children struct {
	mu   sync.Mutex
	pids map[int]bool
}

// start starts a program.
func (c *children) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.pids[cmd.Process.Pid] = true
	return nil
}

// wait waits for the end of what start has started.
func (c *children) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pids, cmd.Process.Pid)
	return err
}

// again is how often reap looks.
const again = time.Second

// reap collects orphans, for ever.
func (c *children) reap() {
	ticker := time.NewTicker(again)
	defer ticker.Stop()
	for range ticker.C {
		c.reapOnce()
	}
}

// reapOnce looks for ended children, and leaves those that somebody waits for.
func (c *children) reapOnce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range list {
		text, err := os.ReadFile(path)
		p := standing(string(text))
		if err == nil && p.ended && p.parent == 1 && !c.pids[p.pid] {
			_, _ = unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
		}
	}
}

// killSession reaches all processes of a session, which is what a service is here.
func killSession(session int, s unix.Signal) {
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range list {
		text, err := os.ReadFile(path)
		if p := standing(string(text)); err == nil && p.session == session {
			_ = unix.Kill(p.pid, s)
		}
	}
}

// process is what proc_pid_stat(5) tells of one.
type process struct {
	pid, parent, session int
	ended                bool
}

// standing reads such a line. A name may have spaces.
func standing(stat string) (p process) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 4 {
		return p
	}
	first, _, _ := strings.Cut(stat, " ")
	p.pid, _ = strconv.Atoi(first)
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	p.ended = fields[0] == "Z"
	return p
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
