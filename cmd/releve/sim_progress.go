package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"releve.dev/releve/lab/term"
)

// cpuTime is what this process has used so far, user and system.
func cpuTime() (time.Duration, error) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

// watch shows on a terminal how far a run has come, until the returned function
// is called. Elsewhere it shows nothing.
func (p *part) watch(r *simRun, before *tally, file *os.File) (stop func()) {
	if !term.Live(file) {
		return func() {}
	}
	began, tick := time.Now(), time.NewTicker(500*time.Millisecond)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				fmt.Fprint(file, "\r\x1b[K")
				return
			case <-tick.C:
				fmt.Fprintf(file, "\r\x1b[K%s", p.progress(before, r.seeds, time.Since(began)))
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-gone
	}
}

// progress is the line that watch shows; before is what earlier parts have run.
func (p *part) progress(before *tally, seeds uint64, since time.Duration) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate := float64(p.Done) / since.Seconds()
	line := fmt.Sprintf("%d of %d seeds, %.0f a second, %d failed", before.Done+p.Done, seeds, rate, len(before.Failed)+len(p.Failed))
	if p.Done > 0 {
		left := time.Duration(float64(seeds-before.Done-p.Done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}
