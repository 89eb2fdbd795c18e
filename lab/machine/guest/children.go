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
		pid, parent, ended := standing(string(text))
		if err == nil && ended && parent == 1 && !c.pids[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// standing reads a process's line of proc_pid_stat(5). Its name may have spaces.
func standing(stat string) (pid, parent int, ended bool) {
	first, _, _ := strings.Cut(stat, " ")
	pid, _ = strconv.Atoi(first)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, 0, false
	}
	parent, _ = strconv.Atoi(fields[1])
	return pid, parent, fields[0] == "Z"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
