package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// The simulator's figures are over these seeds; a seed may cost 25 ms of CPU.
const (
	simSeeds = 2000
	simStart = 1000000
	simLimit = 25
)

// simulator measures what a seed costs: the CPU of the whole program.
func simulator() (string, error) {
	cmd := exec.Command("bin/releve", "sim", "run", "--seeds", fmt.Sprint(simSeeds), "--start", fmt.Sprint(simStart))
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("releve sim run: %w\n%s", errors.Join(err, said(err)), out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var seeds, failures, worst int
	var years, seconds float64
	if _, err := fmt.Sscanf(lines[len(lines)-1], "seeds=%d failures=%d worst_outage_ms=%d sim_years=%f seconds=%f",
		&seeds, &failures, &worst, &years, &seconds); err != nil {
		return "", fmt.Errorf("the last line of releve sim run: %w", err)
	}
	cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	simulated := years * 365 * 24 * 3600
	text := fmt.Sprintf("`releve sim run`, %d seeds from %d on: faults drawn from the seed, each event checked.\n\n", simSeeds, simStart)
	return text + table([]string{"CPU a seed", "limit", "simulated time a second of CPU"}, [][]string{{
		fmt.Sprintf("%.1f ms", cpu/simSeeds*1e3), fmt.Sprintf("%d ms", simLimit), fmt.Sprintf("%.0f times real time", simulated/cpu)}}), nil
}
