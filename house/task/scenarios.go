package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// trial is one run of the lab.
type trial struct{ scenario, profile, more string }

// String is the command line after `releve lab run`, with which it is repeated.
func (t trial) String() string { return strings.Join(t.args(), " ") }

func (t trial) args() []string {
	return append([]string{t.scenario, "--azure", t.profile}, strings.Fields(t.more)...)
}

// deploys: its VMs install the vSocket's package.
func (t trial) deploys() bool { return strings.HasPrefix(t.scenario, "azure-setup") }

// guarded are the scenarios that guard main.
var guarded = []string{"story", "crash", "keepalive-cut", "peer-cut", "half-move", "sessions"}

// guardPlan plays the guarded scenarios where Azure answers at once. One that
// the lab doesn't have is in the plan nevertheless, and fails.
func guardPlan([]string) []trial {
	return append(each(guarded, "instant"), trial{"crash", "instant", "--cloud"}, daily(time.Now()))
}

// daily are the crash points that guard main on one day: all of them take too
// long, and over the weeks each one has its turn.
func daily(day time.Time) trial {
	return trial{"crash-points", "instant", "--points 3 --seed " + day.UTC().Format("20060102")}
}

// fullPlan plays every scenario where Azure answers at once, and under each other
// profile those in which its time matters: a move, a move back, a broken move. Those
// that aren't the cloud's own are played with it too where it decides otherwise.
func fullPlan(all []string) []trial {
	cloud := []trial{{"crash-points", "instant", "--cloud --points 6"}}
	for _, name := range []string{"crash", "keepalive-cut", "failback", "peer-cut"} {
		cloud = append(cloud, trial{name, "instant", "--cloud"})
	}
	return slices.Concat(each(all, "instant"), cloud, each([]string{"story", "crash", "peer-cut", "half-move", "failback", "sessions"}, "fast"),
		each([]string{"crash", "failback"}, "classic"), each([]string{"azure-slow"}, "slow"))
}

func each(scenarios []string, profile string) []trial {
	var plan []trial
	for _, name := range scenarios {
		plan = append(plan, trial{name, profile, ""})
	}
	return plan
}

// packager writes the packages that a stock image installs, as make package does.
const packager = "./packaging/write"

func scenarios(plan func(all []string) []trial) step {
	return step{name: "the lab's scenarios", run: func(ctx context.Context, s *shop) outcome {
		all, err := s.listScenarios(ctx)
		if err != nil {
			return one("list the lab's scenarios", err)
		}
		var sum outcome
		trials := plan(all)
		if slices.ContainsFunc(trials, trial.deploys) {
			if _, err := s.output(ctx, nil, "go", "run", "-trimpath", packager); err != nil {
				return one("make package", err)
			}
		}
		for i, t := range trials {
			s.screen.at("%d of %d: %s", i+1, len(trials), t)
			began := time.Now()
			if err := s.play(ctx, t); err != nil {
				sum.failures = append(sum.failures, failure{"releve lab run " + t.String(), err.Error()})
				continue
			}
			sum.passed++
			s.screen.say("    %-28s %6.1f s", t, time.Since(began).Seconds())
		}
		return sum
	}}
}

func (s *shop) lab() string { return filepath.Join(s.root, "bin", "releve") }

func (s *shop) listScenarios(ctx context.Context) ([]string, error) {
	out, err := s.output(ctx, nil, s.lab(), "lab", "list", "--json")
	if err != nil {
		return nil, err
	}
	return decodeScenarios(out)
}

// decodeScenarios reads the names from the lab's list.
func decodeScenarios(out []byte) ([]string, error) {
	var list struct {
		Scenarios []struct {
			Name string `json:"name"`
		} `json:"scenarios"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("read the lab's list: %w", err)
	}
	var names []string
	for _, s := range list.Scenarios {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("the lab's list names no scenario")
	}
	return names, nil
}

const (
	longestRun = 25 * time.Minute // crash-points goes through a hundred healings
	// A run in which the lab itself dropped a packet ends with this status: it
	// is neither a pass nor a violation, so it is played again.
	overload  = 3
	mostPlays = 3
)

func (s *shop) play(ctx context.Context, t trial) error {
	for range mostPlays {
		status, err := s.playOnce(ctx, t)
		if status != overload {
			return err
		}
		s.screen.say("    %-28s lab overload: this machine is too busy to tell", t)
	}
	return fmt.Errorf("lab overload in each of %d runs: nothing is proven\nhint: run it on a quieter machine", mostPlays)
}

// report is what this program reads of the lab's JSON object.
type report struct {
	OK         bool `json:"ok"`
	Violations []struct {
		Property string  `json:"property"`
		AtMS     float64 `json:"at_ms"`
		Detail   string  `json:"detail"`
	} `json:"violations"`
}

func (s *shop) playOnce(ctx context.Context, t trial) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	cmd := s.command(ctx, nil, s.lab(), slices.Concat([]string{"lab", "run"}, t.args(), []string{"--json"})...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	ended := cmd.Run()
	var exit *exec.ExitError
	if errors.As(ended, &exit) {
		status = exit.ExitCode()
	}
	return status, verdict(ended, out.Bytes(), said.String())
}

// verdict holds the report and the exit status to each other: both must say
// that all is well.
func verdict(ended error, out []byte, said string) error {
	var r report
	unread := json.Unmarshal(out, &r)
	if ended == nil && unread == nil && r.OK && len(r.Violations) == 0 {
		return nil
	}
	var text strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintf(&text, "%s at %.0f ms: %s\n", v.Property, v.AtMS, v.Detail)
	}
	switch {
	case ended != nil:
		fmt.Fprintln(&text, ended)
	case unread != nil:
		fmt.Fprintln(&text, "read the report:", unread)
	case !r.OK:
		fmt.Fprintln(&text, "the report says that it isn't ok")
	}
	text.WriteString(said)
	return errors.New(strings.TrimSpace(text.String()))
}
