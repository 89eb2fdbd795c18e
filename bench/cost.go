package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var keepaliveCost = section{
	name:  "keepalive",
	title: "Cost of the keepalive",
	about: "CPU and memory of each agent (`releve-vsocket run`) in a site at rest, from `/proc/PID/stat` and `status`, both keepalive " +
		"paths, no other traffic but the lab's probe, which the kernel forwards.",
	measure: func(ctx context.Context, r *rig) (table, error) {
		t := table{head: []string{"keepalive", "agent", "CPU of one core", "resident memory", "most resident", "threads"}}
		for _, set := range timerSettings {
			costs, err := r.costs(ctx, set)
			if err != nil {
				return t, err
			}
			for i, c := range costs {
				t.add(set.keepalive, strconv.Itoa(i+1), fmt.Sprintf("%.2f %%", 100*c.cpu.Seconds()/r.span.Seconds()),
					mebibytes(c.resident), mebibytes(c.most), strconv.Itoa(c.threads))
			}
		}
		t.note = fmt.Sprintf("Over %s each.", r.span)
		return t, nil
	},
}

// usage is what a process has used so far.
type usage struct {
	cpu            time.Duration
	resident, most int // kB
	threads        int
}

// costs keeps a site up for the time of the measurement.
func (r *rig) costs(ctx context.Context, set timers) ([]usage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	up := r.lab(ctx, append([]string{"up", "--azure", "instant"}, set.flags()...)...)
	var said bytes.Buffer
	up.Stderr = &said
	if err := up.Start(); err != nil {
		return nil, fmt.Errorf("lab up: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = up.Wait() // how it ends is said in words, or was our wish
	}()
	defer func() {
		cancel()
		<-ended
	}()
	if err := r.ready(ctx, ended); err != nil {
		cancel()
		<-ended
		return nil, fmt.Errorf("lab up: %w\n%s", err, said.String())
	}
	pids, err := agents(up.Process.Pid)
	if err != nil {
		return nil, err
	}
	before, err := uses(pids)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, r.span); err != nil {
		return nil, err
	}
	after, err := uses(pids)
	for i := range after {
		after[i].cpu -= before[i].cpu
	}
	return after, err
}

// ready waits until both agents of the lab that is up say that HA is ready.
func (r *rig) ready(ctx context.Context, ended <-chan struct{}) error {
	const patience = 90 * time.Second
	for began := time.Now(); time.Since(began) < patience; {
		out, err := r.lab(ctx, "status", "--json").Output()
		if err == nil && readiness(out) {
			return pause(ctx, 5*time.Second) // what comes up once is over
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return fmt.Errorf("the site isn't ready after %s", patience)
}

// readiness looks for both agents' word, wherever the status has it.
func readiness(status []byte) bool {
	var any any
	return json.Unmarshal(status, &any) == nil && countReady(any) >= 2
}

func countReady(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if ready, isBool := inner.(bool); isBool && key == "ready" && ready {
				n++
			}
			n += countReady(inner)
		}
	case []any:
		for _, inner := range v {
			n += countReady(inner)
		}
	}
	return n
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// agents finds the agents among the lab's descendants, as this PID namespace
// numbers them.
func agents(lab int) ([]int, error) {
	parents := map[int]int{}
	var found []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		fields, ok := statFields(readText(path))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if !ok || err != nil {
			continue // ended meanwhile
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		line := strings.Split(readText(filepath.Join(filepath.Dir(path), "cmdline")), "\x00")
		if len(line) > 1 && filepath.Base(line[0]) == "releve-vsocket" && line[1] == "run" {
			found = append(found, pid)
		}
	}
	var ours []int
	for _, pid := range found {
		for up := pid; up > 1; up = parents[up] {
			if up == lab {
				ours = append(ours, pid)
				break
			}
		}
	}
	if len(ours) != 2 {
		return nil, fmt.Errorf("%d agents run in the lab, want 2", len(ours))
	}
	return ours, nil
}

func uses(pids []int) ([]usage, error) {
	var all []usage
	for _, pid := range pids {
		folder := "/proc/" + strconv.Itoa(pid)
		stat, err := os.ReadFile(folder + "/stat")
		if err != nil {
			return nil, fmt.Errorf("an agent has ended: %w", err)
		}
		u, err := readUsage(string(stat), readText(folder+"/status"))
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// tick is the unit of CPU time in /proc, USER_HZ, the same on all of Linux's
// architectures that we build for.
const tick = 10 * time.Millisecond

// readUsage reads proc(5)'s stat (fields 14 and 15: user and system time) and
// status.
func readUsage(stat, status string) (usage, error) {
	fields, ok := statFields(stat)
	if !ok || len(fields) < 13 {
		return usage{}, errors.New("read /proc/PID/stat: too short")
	}
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	if err := errors.Join(errUser, errSystem); err != nil {
		return usage{}, fmt.Errorf("read /proc/PID/stat: %w", err)
	}
	return usage{
		cpu:      time.Duration(user+system) * tick,
		resident: statusNumber(status, "VmRSS:"), most: statusNumber(status, "VmHWM:"), threads: statusNumber(status, "Threads:"),
	}, nil
}

// statFields are those after the name in parentheses, the state first.
func statFields(stat string) ([]string, bool) {
	_, rest, found := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	return fields, found && len(fields) > 1
}

func cutLast(text, mark string) (before, after string, found bool) {
	i := strings.LastIndex(text, mark)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(mark):], true
}

func statusNumber(status, key string) int {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == key {
			n, _ := strconv.Atoi(fields[1]) // the kernel writes a number
			return n
		}
	}
	return 0
}

func mebibytes(kilobytes int) string { return fmt.Sprintf("%.1f MiB", float64(kilobytes)/1024) }
