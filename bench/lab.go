package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// labRun is what the sections read of a lab's JSON report.
type labRun struct {
	OK         bool     `json:"ok"`
	DetectMS   *float64 `json:"detect_ms"`
	SteerMS    *float64 `json:"steer_ms"`
	Violations []struct {
		Property string `json:"property"`
		Detail   string `json:"detail"`
	} `json:"violations"`
	Timeline []struct {
		AtMS   float64 `json:"at_ms"`
		Who    string  `json:"who"`
		What   string  `json:"what"`
		Detail string  `json:"detail"`
	} `json:"timeline"`
	ARMCalls []struct {
		Who    string  `json:"who"`
		Method string  `json:"method"`
		MS     float64 `json:"ms"`
	} `json:"arm_calls"`
}

// overload is the exit status of a run in which the lab itself lost packets.
const overload = 3

// errOverload is a run that proves nothing.
var errOverload = errors.New("lab overload")

func (r *rig) lab(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(r.root, "bin", "releve"), append([]string{"lab"}, args...)...)
	cmd.Dir = r.root
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}

// play runs a scenario.
func (r *rig) play(ctx context.Context, args ...string) (labRun, error) {
	cmd := r.lab(ctx, append(append([]string{"run"}, args...), "--json")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == overload {
		return labRun{}, errOverload
	}
	var run labRun
	if unread := json.Unmarshal(out, &run); unread != nil {
		return run, fmt.Errorf("lab run %s: %w\n%s", strings.Join(args, " "), errors.Join(err, unread), said.String())
	}
	if !run.OK {
		return run, fmt.Errorf("lab run %s: not ok: %v", strings.Join(args, " "), run.Violations)
	}
	return run, nil
}

// mostOverloads is how many runs may prove nothing before the machine is
// called too busy.
const mostOverloads = 10

// plays runs a scenario until count runs counted.
func (r *rig) plays(ctx context.Context, count int, args ...string) (runs []labRun, overloads int, err error) {
	for len(runs) < count {
		run, err := r.play(ctx, args...)
		switch {
		case errors.Is(err, errOverload):
			if overloads++; overloads > mostOverloads {
				return nil, overloads, fmt.Errorf("%w in %d runs\nhint: measure on a quieter machine", err, overloads)
			}
		case err != nil:
			return nil, overloads, err
		default:
			runs = append(runs, run)
			r.say("  %d of %d", len(runs), count)
		}
	}
	return runs, overloads, nil
}
