package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"releve.dev/releve/sim"
)

// tally sums up the seeds' results. As JSON it is what a long run goes on from.
type tally struct {
	Program   string        `json:"program"` // its SHA-256: a sum is of one program's seeds
	Start     uint64        `json:"start"`
	Done      uint64        `json:"done"` // from Start on, without a gap
	Failed    []uint64      `json:"failed,omitempty"`
	Worst     time.Duration `json:"worst_ns"`
	Simulated time.Duration `json:"simulated_ns"`
	CPU       time.Duration `json:"cpu_ns"`
	Took      time.Duration `json:"took_ns"`
	Outages   outages       `json:"outages_ns"`
}

// join adds the seeds that come next.
func (t *tally) join(next *tally) {
	t.Done += next.Done
	t.Failed = append(t.Failed, next.Failed...)
	t.Worst = max(t.Worst, next.Worst)
	t.Simulated += next.Simulated
	t.CPU += next.CPU
	t.Took += next.Took
	for kind, times := range next.Outages {
		t.Outages[kind] = append(t.Outages[kind], times...)
	}
}

// partSeeds is how many seeds are lost at most when a long run is ended.
const partSeeds = 2000

// part is a run of seeds under way.
type part struct {
	mu        sync.Mutex
	next, end uint64 // counted from the run's first
	tally
}

func (p *part) take() (n uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == p.end {
		return 0, false
	}
	p.next++
	return p.next - 1, true
}

func (p *part) add(schedule *sim.Schedule, result sim.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Done++
	p.Simulated += result.Stats.Simulated
	p.Worst = max(p.Worst, result.Stats.WorstOutage)
	p.Outages.add(schedule, &result)
	if result.Violation != nil {
		p.Failed = append(p.Failed, schedule.Seed)
		slices.Sort(p.Failed)
	}
}

// begin is the sum that a run goes on from.
func (r *simRun) begin() (*tally, error) {
	fresh := &tally{Start: r.start, Outages: outages{}}
	if r.resume == "" {
		return fresh, nil
	}
	var err error
	if fresh.Program, err = ownHash(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(r.resume)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, r.save(fresh) // a folder that isn't there is found now
	}
	if err != nil {
		return nil, fmt.Errorf("the run to go on from: %w", err)
	}
	kept := &tally{Outages: outages{}}
	if err := json.Unmarshal(text, kept); err != nil {
		return nil, fmt.Errorf("the run to go on from: %s: %w", r.resume, err)
	}
	switch {
	case kept.Program != fresh.Program:
		return nil, fmt.Errorf("%s is of another build of this program\nhint: go on with that one, or begin anew with another file", r.resume)
	case kept.Start != r.start || kept.Done > r.seeds:
		return nil, fmt.Errorf("%s has %d seeds from %d on, and is to have %d from %d on\nhint: give the --seeds and --start that it began with",
			r.resume, kept.Done, kept.Start, r.seeds, r.start)
	}
	return kept, nil
}

// save keeps a sum, whole or not at all.
func (r *simRun) save(t *tally) error {
	if r.resume == "" {
		return nil
	}
	text, err := json.Marshal(t)
	if err == nil {
		if err = os.WriteFile(r.resume+".new", text, 0o644); err == nil {
			err = os.Rename(r.resume+".new", r.resume)
		}
	}
	if err != nil {
		return fmt.Errorf("keeping how far the run has come: %w\nhint: --resume names a file in a folder that can be written", err)
	}
	return nil
}

// interrupted says how far it has come, or how to go on.
func (r *simRun) interrupted(out io.Writer, t *tally, why error) error {
	if r.resume == "" {
		return errors.Join(r.report(out, t), why)
	}
	return fmt.Errorf("ended after %d of %d seeds\nhint: the same command goes on from %s", t.Done, r.seeds, r.resume)
}

func ownHash() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("which program this is: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("which program this is: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("which program this is: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
