package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

var detection = section{
	name:  "detection",
	title: "Detection and its jitter",
	about: "From the crash of the primary's VM to the standby's decision to claim (`detect_ms`), with `releve lab run crash " +
		"--azure instant --confirm 0s`. Under load: two busy processes a core beside the lab, at normal priority.",
	measure: func(ctx context.Context, r *rig) (table, error) {
		t := table{head: []string{"keepalive", "silent", "load", "runs", "least", "median", "most", "spread"}}
		for _, timers := range timerSettings {
			for _, busy := range []bool{false, true} {
				if err := r.detect(ctx, &t, timers, busy); err != nil {
					return t, err
				}
			}
		}
		return t, nil
	},
}

// timers are the settings that are measured: the defaults, and the quickest
// that the issue of the first failover names.
type timers struct{ keepalive, silent string }

var timerSettings = []timers{{"50ms", "200ms"}, {"10ms", "50ms"}}

func (t timers) flags() []string { return []string{"--keepalive", t.keepalive, "--silent", t.silent} }

func (r *rig) detect(ctx context.Context, t *table, set timers, busy bool) error {
	load := "idle"
	if busy {
		load = "busy"
		stop, err := startLoad()
		if err != nil {
			return err
		}
		defer stop()
	}
	args := append([]string{"crash", "--azure", "instant", "--confirm", "0s"}, set.flags()...)
	runs, overloads, err := r.plays(ctx, r.runs, args...)
	if err != nil {
		return err
	}
	var ms []float64
	for _, run := range runs {
		if run.DetectMS == nil {
			return errors.New("a run says nothing of its detection")
		}
		ms = append(ms, *run.DetectMS)
	}
	s := summary(ms)
	t.add(set.keepalive, set.silent, load, fmt.Sprint(len(runs)), millis(s.least), millis(s.median), millis(s.most), millis(s.most-s.least))
	if overloads > 0 {
		t.note = strings.TrimSpace(t.note + fmt.Sprintf("\n%s at %s: %d runs more didn't count, as the lab itself dropped packets.", load, set.keepalive, overloads))
	}
	return nil
}

type spread struct{ least, median, most float64 }

// summary of at least one value.
func summary(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{sorted[0], (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]}
}

func millis(ms float64) string {
	if math.Abs(ms) < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// startLoad starts processes that only burn, two for each core, until stop.
func startLoad() (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var started []*exec.Cmd
	stop = func() {
		for _, cmd := range started {
			_ = cmd.Process.Kill() // one that has ended is as good
			_ = cmd.Wait()
		}
	}
	for range 2 * runtime.NumCPU() {
		cmd := exec.Command(self, "burn")
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			stop()
			return nil, fmt.Errorf("start the load: %w", err)
		}
		started = append(started, cmd)
	}
	return stop, nil
}

// burn keeps a core busy until it is killed.
func burn() {
	for n := uint64(1); ; n = n*6364136223846793005 + 1 {
		if n == 0 {
			return
		}
	}
}
