// Package units reads the subset of systemd's service files that the lab plays
// (systemd.service(5), systemd.exec(5), systemd.unit(5)).
//
// Played are: Type simple, exec and oneshot; ExecStartPre, ExecStart,
// ExecReload and ExecStop; Restart and RestartSec; Nice; Environment and
// EnvironmentFile; WorkingDirectory; StateDirectory and RuntimeDirectory; KillMode;
// TimeoutStartSec of what ends by itself and TimeoutStopSec; After, Requires and
// Wants; ConditionPathExists; WantedBy and Also; drop-ins. What fences a service in
// (ProtectSystem, CapabilityBoundingSet and their kin) is read over, so a lab proves
// nothing about it. Whatever else stands in a file is an error, as is every specifier:
// a lab that passes by a line would prove what isn't so.
//
// Not played at all: sockets, timers, targets but multi-user.target, control groups
// (a service is its session: what it starts in another one outlives it), start limits,
// Type=notify and watchdogs.
package units

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Folders are where service files lie, the most important first.
var Folders = []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// Service is what a file says.
type Service struct {
	Name         string // with ".service"
	Type         string // simple, exec, oneshot
	Remain       bool   // RemainAfterExit
	Pre          []Command
	Start        []Command
	Reload       []Command
	Stop         []Command
	Restart      string // no, always, on-success, on-failure, on-abnormal, on-abort
	RestartAfter time.Duration
	StartWithin  time.Duration // bound of what ends by itself; 0: none
	StopWithin   time.Duration
	Nice         int
	Environment  []string // in order
	EnvFiles     []string // with a "-" in front: may be missing
	Directory    string
	State        []string // below /var/lib
	StateMode    fs.FileMode
	Runtime      []string // below /run
	RuntimeMode  fs.FileMode
	Preserve     bool   // RuntimeDirectoryPreserve
	Kill         string // KillMode: control-group, mixed, process
	After        []string
	Requires     []string
	Wants        []string
	Conditions   []string // paths; with a "!" in front: must not exist; with a "|" before that: one of these is enough
	WantedBy     []string
	Also         []string
}

// Command is a line that starts a program.
type Command struct {
	Words  []string
	Ignore bool // a failure doesn't count
}

// ErrNone is a service without a file.
var ErrNone = errors.New("unit not found")

// Name is a unit's whole name.
func Name(name string) string {
	if strings.Contains(filepath.Base(name), ".") {
		return filepath.Base(name)
	}
	return filepath.Base(name) + ".service"
}

// Load reads a service and its drop-ins from a machine's disk.
func Load(root, name string) (*Service, error) {
	name = Name(name)
	if !strings.HasSuffix(name, ".service") || strings.ContainsAny(name, "@") {
		return nil, fmt.Errorf("%s: the lab plays plain services alone", name)
	}
	var text []byte
	err := fmt.Errorf("%s: %w", name, ErrNone)
	for _, folder := range Folders {
		if text, err = os.ReadFile(filepath.Join(root, folder, name)); err == nil {
			break
		}
		err = fmt.Errorf("%s: %w", name, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	dropIns, err := dropInsOf(root, name)
	if err != nil {
		return nil, err
	}
	return Parse(name, append(text, dropIns...))
}

// dropInsOf are the texts of NAME.d/*.conf in the order of their names, of equal
// names that of the most important folder.
func dropInsOf(root, name string) ([]byte, error) {
	found := map[string]string{}
	for _, folder := range slices.Backward(Folders) {
		list, err := filepath.Glob(filepath.Join(root, folder, name+".d", "*.conf"))
		if err != nil {
			return nil, err
		}
		for _, path := range list {
			found[filepath.Base(path)] = path
		}
	}
	var all bytes.Buffer
	names := make([]string, 0, len(found))
	for base := range found {
		names = append(names, base)
	}
	slices.Sort(names)
	for _, base := range names {
		text, err := os.ReadFile(found[base])
		if err != nil {
			return nil, err
		}
		all.WriteByte('\n')
		all.Write(text)
	}
	return all.Bytes(), nil
}

// Parse reads a service's text.
func Parse(name string, text []byte) (*Service, error) {
	s := &Service{Name: name, Type: "simple", Restart: "no", Kill: "control-group",
		RestartAfter: 100 * time.Millisecond, StopWithin: 90 * time.Second, StateMode: 0o755, RuntimeMode: 0o755}
	section := ""
	for number, line := range joined(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			return nil, fmt.Errorf("%s: line %d is no setting: %s", name, number+1, line)
		}
		if err := s.set(section, strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, number+1, err)
		}
	}
	return s, s.check()
}

func (s *Service) check() error {
	switch {
	case len(s.Start) == 0 && s.Type != "oneshot":
		return fmt.Errorf("%s: has no ExecStart", s.Name)
	case len(s.Start) > 1 && s.Type != "oneshot":
		return fmt.Errorf("%s: several ExecStart are for Type=oneshot", s.Name)
	}
	return nil
}

// joined are the lines, those that a backslash continues in one.
func joined(text string) []string {
	var lines []string
	more := false
	for _, line := range strings.Split(text, "\n") {
		whole := strings.TrimSuffix(line, "\\")
		if more {
			lines[len(lines)-1] += " " + whole
		} else {
			lines = append(lines, whole)
		}
		more = whole != line
	}
	return lines
}

// Environ is the environment that a service's programs get, its files read from a
// machine's disk.
func (s *Service) Environ(root string) ([]string, error) {
	env := append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, s.Environment...)
	for _, file := range s.EnvFiles {
		path, optional := strings.CutPrefix(file, "-")
		text, err := os.ReadFile(filepath.Join(root, path))
		if optional && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' || line[0] == ';' {
				continue
			}
			words, err := split(line)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s.Name, path, err)
			}
			env = append(env, strings.Join(words, " "))
		}
	}
	return env, nil
}

// Met reports whether the conditions hold on a machine's disk: all that are plain,
// and one of those that a "|" marks, if there are any (systemd.unit(5)).
func (s *Service) Met(root string) bool {
	marked, one := false, false
	for _, c := range s.Conditions {
		c, trigger := strings.CutPrefix(c, "|")
		path, not := strings.CutPrefix(c, "!")
		_, err := os.Stat(filepath.Join(root, path))
		held := (err == nil) != not
		switch {
		case trigger:
			marked, one = true, one || held
		case !held:
			return false
		}
	}
	return !marked || one
}

func span(value string) (time.Duration, error) {
	if value == "infinity" {
		return 0, nil
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(strings.NewReplacer(" ", "", "min", "m", "sec", "s").Replace(value))
	if err != nil {
		return 0, fmt.Errorf("%q is no time that the lab reads", value)
	}
	return d, nil
}
