package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// result is what is used here of `releve lab run --json`.
type result struct {
	OK       bool    `json:"ok"`
	DetectMS float64 `json:"detect_ms"`
	SteerMS  float64 `json:"steer_ms"`
	Outages  []struct {
		Direction string  `json:"direction"`
		MS        float64 `json:"ms"`
	} `json:"outages"`
	Timeline []struct {
		AtMS float64 `json:"at_ms"`
		Who  string  `json:"who"`
		What string  `json:"what"`
	} `json:"timeline"`
	Calls []struct {
		Who    string  `json:"who"`
		Method string  `json:"method"`
		MS     float64 `json:"ms"`
	} `json:"arm_calls"`
}

func (r *result) worst() (worst float64) {
	for _, outage := range r.Outages {
		worst = max(worst, outage.MS)
	}
	return worst
}

// runs is how often a scenario is run; the best and the median are shown.
const runs = 5

func crash(flags ...string) ([]result, error) {
	var results []result
	for range runs {
		out, err := exec.Command("bin/releve", append([]string{"lab", "run", "crash", "--azure", "instant", "--json"}, flags...)...).Output()
		var r result
		if jsonErr := json.Unmarshal(out, &r); jsonErr != nil {
			return nil, errors.Join(err, jsonErr, said(err))
		}
		results = append(results, r)
	}
	return results, nil
}

// said is what a failed program wrote.
func said(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return nil
}

func bestAndMedian(values []float64, unit string) string {
	slices.Sort(values)
	return fmt.Sprintf("%.1f / %.1f %s", values[0], values[len(values)/2], unit)
}

// outages shows what the limits are about.
func outages() (string, error) {
	var rows [][]string
	for _, c := range []struct {
		limit float64
		flags []string
	}{
		{1400, nil},
		{400, []string{"--confirm", "0"}},
		{150, []string{"--keepalive", "10ms", "--silent", "50ms", "--confirm", "0"}},
	} {
		results, err := crash(c.flags...)
		if err != nil {
			return "", err
		}
		var worst, detect []float64
		for _, r := range results {
			worst, detect = append(worst, r.worst()), append(detect, r.DetectMS)
		}
		name := "defaults"
		if len(c.flags) > 0 {
			name = "`" + strings.Join(c.flags, " ") + "`"
		}
		rows = append(rows, []string{name, bestAndMedian(worst, "ms"), bestAndMedian(detect, "ms"), fmt.Sprintf("%.0f ms", c.limit)})
	}
	return fmt.Sprintf("`releve lab run crash --azure instant`, %d runs each, with 1,000 packets a second each way: best / median.\n\n", runs) +
		table([]string{"timers", "worst outage", "of it detection", "limit"}, rows), nil
}

// hotPath is what a takeover takes from the decision to the open gate, and how
// much of it the emulated Azure took for its answers.
func hotPath() (string, error) {
	results, err := crash()
	if err != nil {
		return "", err
	}
	var whole, azure, own []float64
	for _, r := range results {
		from, to := r.at("claim"), r.at("gate opened")
		if to <= from {
			return "", errors.New("the timeline has no takeover")
		}
		answering := r.answering()
		whole, azure, own = append(whole, to-from), append(azure, answering), append(own, to-from-answering)
	}
	return fmt.Sprintf("From the secondary's decision to claim to its open gate, `crash --azure instant`, %d runs: best / median. The rest is ours:\n"+
		"network, TLS, deciding, writing state and journal, the kernel's gate, and the wait between two polls.\n\n", runs) +
		table([]string{"in all", "answers of the emulator", "the rest"},
			[][]string{{bestAndMedian(whole, "ms"), bestAndMedian(azure, "ms"), bestAndMedian(own, "ms")}}), nil
}

// answering is how long the emulator took for the secondary's calls from the
// write of its claim to that of the floating IP.
func (r *result) answering() (sum float64) {
	puts := 0
	for _, call := range r.Calls {
		if call.Who != "secondary" {
			continue
		}
		if call.Method == "PUT" {
			puts++
		}
		if puts > 0 {
			sum += call.MS
		}
		if puts == 2 {
			break
		}
	}
	return sum
}

// at is when the secondary first did something after the fault.
func (r *result) at(what string) float64 {
	for _, entry := range r.Timeline {
		if entry.Who == "secondary" && entry.What == what && entry.AtMS > 0 {
			return entry.AtMS
		}
	}
	return -1
}

const costFor = 30 * time.Second

// agentCost is what an agent at rest takes of the machine.
func agentCost() (string, error) {
	var rows [][]string
	for _, interval := range []string{"50ms", "10ms"} {
		row, err := costRow(interval)
		if err != nil {
			return "", err
		}
		rows = append(rows, row...)
	}
	return fmt.Sprintf("Both agents at rest for %s, keepalives on two paths each way. The unit of CPU is one core.\n\n", costFor) +
		table([]string{"keepalive", "role", "CPU", "memory (RSS)"}, rows), nil
}

func costRow(interval string) ([][]string, error) {
	silent := map[string]string{"50ms": "200ms", "10ms": "50ms"}[interval]
	lab := exec.Command("bin/releve", "lab", "up", "--azure", "instant", "--keepalive", interval, "--silent", silent)
	lab.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := lab.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := lab.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = lab.Process.Signal(os.Interrupt)
		_ = lab.Wait()
	}()
	go func() { // what it says is for people
		for lines := bufio.NewScanner(out); lines.Scan(); {
		}
	}()
	agents, err := agentsOf(lab.Process.Pid, 60*time.Second)
	if err != nil {
		return nil, err
	}
	<-time.After(10 * time.Second)
	var rows [][]string
	before := map[string]float64{}
	for role, pid := range agents {
		before[role] = cpuSeconds(pid)
	}
	began := time.Now()
	<-time.After(costFor)
	for _, role := range []string{"primary", "secondary"} {
		spent := cpuSeconds(agents[role]) - before[role]
		rows = append(rows, []string{interval, map[string]string{"primary": "active", "secondary": "standby"}[role],
			fmt.Sprintf("%.2f %%", 100*spent/time.Since(began).Seconds()), memory(agents[role])})
	}
	return rows, nil
}
