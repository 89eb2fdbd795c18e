package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/join"
)

// source is where the agent's config comes from: its file, as it was at the start,
// and the settings that the channel has left on the disk (decision 9).
//
// Settings that the agent runs with, whole, are kept apart as the last good ones,
// and the next agent begins with them: from there it goes to newer ones by the same
// safe ways as a running one does. What can't be joined changes nothing. Without what
// HA waits for, the agent runs alone with the rest, and they don't read as applied.
//
// The file may change too while the agent runs, and goes the same ways. An agent that
// starts goes by it as it is.
type source struct {
	path    string
	given   looking     // the channel's folder
	applied disk.Folder // the last good ones

	mu      sync.Mutex
	file    *edition // that counts
	status  site.SettingsStatus
	last    joined        // that ran, whole
	refused uint64        // generation that couldn't be opened, or joined
	unfit   error         // why the newest file doesn't count
	name    string        // of the site, as it is called now
	changed chan struct{} // closed when the status has changed
}

// edition is the file as it was once.
type edition struct {
	data []byte
	cfg  *config.Config // with the names of interfaces that were found
}

// joined is a config, the file and the settings in it; nil: the file is all.
type joined struct {
	cfg      *config.Config
	file     *edition
	settings *contract.Settings
	waits    string // why cfg has no HA though the settings do (join.Join)
}

func (j joined) generation() uint64 { return j.settings.GetGeneration() }

func (j joined) same(other joined) bool {
	return j.file == other.file && j.generation() == other.generation()
}

// appliedFolder is where the last good settings are.
func appliedFolder(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "applied") }

// looking reads in a folder that another process owns.
type looking string

func (l looking) Read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(l), name))
}

func newSource(path string) (*source, error) {
	file, err := readEdition(path)
	if err != nil {
		return nil, err
	}
	return &source{path: path, file: file, given: looking(managerFolder(file.cfg)), name: file.cfg.Site, last: joined{cfg: file.cfg, file: file}, changed: make(chan struct{})}, nil
}

func readEdition(path string) (*edition, error) {
	data, err := config.Read(path)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse(path, data)
	if err != nil {
		return nil, err
	}
	return &edition{data, cfg}, nil
}

// join joins what a folder has; the zero value if it has nothing.
func (s *source) join(folder channel.Reader) (joined, error) {
	settings, err := channel.LoadSettings(folder)
	if err != nil || settings == nil {
		return joined{}, err
	}
	key, err := join.OwnKey(string(s.given))
	if err != nil {
		return joined{}, err
	}
	file := s.present()
	cfg, waits, err := join.Join(s.path, file.data, settings, key)
	if err == nil {
		cfg.Interfaces = file.cfg.Interfaces
	}
	return joined{cfg, file, settings, waits}, err
}

// first is what an agent starts with. One that was of a pair starts as that, with
// the timers and keys that its peer may still go by; newer settings follow. One
// that was alone goes straight to the newest: its peer may serve by now.
func (s *source) first() joined {
	last, err := s.join(s.applied)
	if err != nil {
		slog.Error("the last good settings don't count", "error", err)
		last = joined{}
	}
	next, err := s.join(s.given)
	if err != nil {
		s.refuse(next, err)
		next = joined{}
	}
	switch {
	case last.cfg != nil && (last.cfg.HA != nil || next.cfg == nil):
		return last
	case next.cfg != nil:
		return next
	}
	return s.alone()
}

// alone is the file without settings of the manager.
func (s *source) alone() joined {
	file := s.present()
	return joined{cfg: file.cfg, file: file}
}

func (s *source) present() *edition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file
}

// newest is what the disk has, if it is another than what counts.
func (s *source) newest() (next joined, ok bool) {
	next, err := s.join(s.given)
	switch {
	case err != nil:
		s.refuse(next, err)
		return joined{}, false
	case next.cfg == nil:
		next = s.alone()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next.settings != nil {
		if s.status.Saved = next.generation(); s.status.Saved == s.refused {
			return joined{}, false
		}
	}
	if next.same(s.last) {
		return joined{}, false
	}
	s.tell("")
	return next, true
}

// refuse: what was joined can't be used, and nothing has changed. If the file is the
// new one of the two, the former file counts again.
func (s *source) refuse(j joined, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.file != s.last.file && j.file == s.file {
		slog.Error("the changed file doesn't count", "error", err)
		s.file, s.unfit = s.last.file, err
	} else {
		slog.Error("the manager's settings don't count", "generation", j.generation(), "error", err)
		s.status.Saved, s.refused = max(s.status.Saved, j.generation()), j.generation()
	}
	s.tell(err.Error())
}

// ran: the agent runs with them, whole but for HA that waits.
func (s *source) ran(j joined) {
	whole := j.waits == ""
	if j.settings != nil && whole {
		if err := channel.SaveSettings(s.applied, j.settings); err != nil {
			slog.Error("the last good settings can't be kept", "generation", j.generation(), "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.last = j.cfg.Site, j
	if whole {
		s.status.Applied = j.generation()
	}
	s.status.Saved = max(s.status.Saved, j.generation())
	if s.unfit == nil && (s.refused == 0 || s.refused != s.status.Saved) { // else it still says why
		s.tell(j.waits)
	}
}

// lastRan is what to go back to: at first, the file alone.
func (s *source) lastRan() joined {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// waits: the agent doesn't run with all of them yet.
func (s *source) waits(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(why)
}

// tell is called with the lock held.
func (s *source) tell(problem string) {
	s.status.Problem = problem
	close(s.changed)
	s.changed = make(chan struct{})
}

// settle waits until it is clear what becomes of the newest, or ctx ends.
func (s *source) settle(ctx context.Context) site.SettingsStatus {
	for {
		s.mu.Lock()
		status, changed := s.status, s.changed
		decided := status.Applied == status.Saved && s.last.file == s.file
		s.mu.Unlock()
		if decided || status.Problem != "" {
			return status
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return status
		}
	}
}

// into adds to a status what of it is the manager's.
func (s *source) into(status *site.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Site = s.name
	if s.status.Saved != 0 || s.status.Problem != "" {
		own := s.status
		status.Settings = &own
	}
}
