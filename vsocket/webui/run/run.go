// Package run is a tool at work: it gives lines, one after the other, and ends.
// Any number of pages may look at it meanwhile, or afterwards.
//
// Of each tool the last run is kept, and one is at work at a time. A Shelf is safe
// for concurrent use; a Run's lines only ever grow.
package run

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

// ErrBusy: the tool is at work.
var ErrBusy = errors.New("the tool is at work already\nhint: stop it, or wait until it ends")

// Tool does the work. It gives each line to emit, and the result as its value.
type Tool func(ctx context.Context, emit func(line any)) (result any, err error)

// Shelf has the last run of each tool.
type Shelf struct {
	now func() time.Time

	mu   sync.Mutex
	runs map[string]*Run // by the tool's name
}

// NewShelf makes an empty one.
func NewShelf(now func() time.Time) *Shelf { return &Shelf{now: now, runs: map[string]*Run{}} }

// Run is one. Asked is what the person has asked for.
type Run struct {
	ID    string
	Asked any
	Began time.Time

	cancel context.CancelFunc
	mu     sync.Mutex
	state  State
	change chan struct{} // closed with the next change
}

// State is how far a run is.
type State struct {
	Lines  []any
	Done   bool
	Result any
	Err    error
	Ended  time.Time
}

// Start begins a run, which ends by itself, by Stop or with ctx.
func (s *Shelf) Start(ctx context.Context, name string, asked any, tool Tool) (*Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.runs[name]; last != nil && !last.State().Done {
		return nil, ErrBusy
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{ID: rand.Text(), Asked: asked, Began: s.now(), cancel: cancel, change: make(chan struct{})}
	s.runs[name] = r
	go func() {
		defer cancel()
		result, err := tool(ctx, func(line any) { r.set(func(state *State) { state.Lines = append(state.Lines, line) }) })
		r.set(func(state *State) { state.Done, state.Result, state.Err, state.Ended = true, result, err, s.now() })
	}()
	return r, nil
}

// Last is the last run of a tool, nil if there was none.
func (s *Shelf) Last(name string) *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[name]
}

// Stop ends all runs.
func (s *Shelf) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		r.Stop()
	}
}

// Stop asks the run to end.
func (r *Run) Stop() { r.cancel() }

// State is how far it is. Nobody changes what is in it.
func (r *Run) State() State {
	state, _ := r.Watch()
	return state
}

// Watch is State, and what is closed with the next change.
func (r *Run) Watch() (State, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state, r.change
}

func (r *Run) set(change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.state)
	close(r.change)
	r.change = make(chan struct{})
}
