package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"releve.dev/releve/setup/apply"
)

// stepProgress shows a run: at a terminal what is waited for and how long, in a
// line that is written over; elsewhere a line a step; for programs an object a
// line.
type stepProgress struct {
	out  io.Writer
	json bool
	live bool

	mu    sync.Mutex
	step  apply.Event
	began time.Time
	drawn bool // the last line is to be written over
}

var _ apply.Progress = (*stepProgress)(nil)

func newStepProgress(out io.Writer, asJSON bool) *stepProgress {
	file, isFile := out.(*os.File)
	return &stepProgress{out: out, json: asJSON, live: isFile && !asJSON && term.IsTerminal(int(file.Fd()))}
}

// Step tells that one has begun or ended.
func (p *stepProgress) Step(e apply.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = e
	if e.Outcome == apply.Begun {
		p.began = time.Now()
		p.draw("")
	}
	switch {
	case p.json:
		line := map[string]any{"step": e.Step.Name, "n": e.N, "of": e.Of, "outcome": e.Outcome, "id": e.Step.ID}
		if e.Outcome != apply.Begun {
			line["took"] = e.Took.Round(time.Millisecond).String()
		}
		_ = json.NewEncoder(p.out).Encode(line) // a reader that has gone ends nothing
	case e.Outcome != apply.Begun:
		p.wipe()
		fmt.Fprintf(p.out, "%2d/%d  %-24s %s%s\n", e.N, e.Of, e.Step.Name, e.Outcome, took(e.Took))
	}
}

// Waiting tells what is waited for.
func (p *stepProgress) Waiting(what string, _ time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw(what)
}

// draw writes the line of the step that is under way.
func (p *stepProgress) draw(what string) {
	if !p.live || p.step.Step == nil {
		return
	}
	p.wipe()
	if what != "" {
		what = ": " + what
	}
	fmt.Fprintf(p.out, "%2d/%d  %s%s, %s", p.step.N, p.step.Of, p.step.Step.Name, what, time.Since(p.began).Round(time.Second))
	p.drawn = true
}

func (p *stepProgress) wipe() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\033[K")
		p.drawn = false
	}
}

// end leaves the terminal as it found it.
func (p *stepProgress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// took is told where it is worth it.
func took(d time.Duration) string {
	if d < 100*time.Millisecond {
		return ""
	}
	return " in " + d.Round(100*time.Millisecond).String()
}
