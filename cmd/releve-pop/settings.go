package main

import (
	"context"
	"fmt"
	"strings"

	"releve.dev/releve/pop/channel"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/settings"
)

// joined is what a PoP serves: its file, and the last good settings of its manager
// if it has one.
type joined struct {
	*config.Config
	refused    settings.Problems
	generation uint64            // of the manager's; 0: there are none
	theirs     settings.Problems // those of refused that are about the manager's
	unusable   error             // why the manager's aren't in it: they can't be read
}

// load reads both. The error is the file's.
func load(path string) (*joined, error) {
	file, refused, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	j := &joined{Config: file, refused: refused}
	s, unusable := channel.Read(file.StateDir)
	if j.unusable = unusable; s == nil {
		return j, nil
	}
	j.generation = s.GetGeneration()
	if j.Config, refused, j.theirs, err = config.LoadWith(path, s); err != nil {
		return nil, err
	}
	j.refused = append(refused, j.theirs...)
	return j, nil
}

// told is what the manager hears of it.
func (j *joined) told() control.Settings {
	s := control.Settings{Generation: j.generation, Tried: j.generation}
	if j.unusable != nil {
		s.Generation, s.Problem = 0, j.unusable.Error()
		return s
	}
	const most = 3
	var texts []string
	for _, p := range j.theirs[:min(most, len(j.theirs))] {
		texts = append(texts, p.Path+": "+p.Text)
	}
	if more := len(j.theirs) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	s.Problem = strings.Join(texts, "; ")
	return s
}

// managers is how far the PoP has come with the manager's settings.
func (p *pop) managers(context.Context) (control.Settings, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings, nil
}

// readSettings has the running PoP read them anew.
func (p *pop) readSettings(ctx context.Context) (control.Settings, error) {
	told := make(chan control.Settings, 1)
	select {
	case p.reads <- told:
	case <-ctx.Done():
		return control.Settings{}, ctx.Err()
	}
	select {
	case s := <-told:
		return s, nil
	case <-ctx.Done():
		return control.Settings{}, ctx.Err()
	}
}
