package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// agentsOf waits for the two agents below a lab's process and returns their
// process ids by role, as this namespace numbers them.
func agentsOf(lab int, patience time.Duration) (map[string]int, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(200 * time.Millisecond) {
		agents := map[string]int{}
		for pid, line := range descendants(lab) {
			if !strings.Contains(line, "releve-vsocket run") {
				continue
			}
			for _, role := range []string{"primary", "secondary"} {
				if strings.Contains(line, "/"+role+"/") {
					agents[role] = pid
				}
			}
		}
		if len(agents) == 2 {
			return agents, nil
		}
	}
	return nil, errors.New("the lab's agents don't come up")
}

// below reports whether pid descends from ancestor.
func below(pid, ancestor int) bool {
	for pid > 1 {
		if pid == ancestor {
			return true
		}
		fields := stat(pid)
		if len(fields) < 2 {
			return false
		}
		pid, _ = strconv.Atoi(fields[1])
	}
	return false
}

// stat is what follows the name in /proc/PID/stat (proc(5)): state, parent, ...
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// cpuSeconds is user and system time so far, in units of 1/100 s (USER_HZ).
func cpuSeconds(pid int) float64 {
	fields := stat(pid)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// rss is a process's memory in bytes, 0 if it has ended.
func rss(pid int) float64 { return resident(pid, "VmRSS:") }

// anonymous is what of it isn't of files: a database that is read where the kernel
// has it is nobody's but the kernel's, which takes it back when it likes.
func anonymous(pid int) float64 { return resident(pid, "RssAnon:") }

func resident(pid int, what string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, what); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb * 1024
		}
	}
	return 0
}

func memory(pid int) string { return megabytes(rss(pid)) }

func megabytes(bytes float64) string { return fmt.Sprintf("%.0f MB", bytes/(1<<20)) }

// descendants are the processes below one, by their command lines.
func descendants(ancestor int) map[int]string {
	all, _ := filepath.Glob("/proc/[0-9]*")
	found := map[int]string{}
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		args, err := os.ReadFile(dir + "/cmdline")
		if err == nil && below(pid, ancestor) {
			found[pid] = strings.ReplaceAll(string(args), "\x00", " ")
		}
	}
	return found
}
