package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/machine/units"
)

// States of a service, as systemctl names them.
const (
	inactive = "inactive"
	active   = "active"
	failed   = "failed"
	waiting  = "activating" // between an end and the next start
)

// manager looks after the services.
type manager struct {
	children *children
	console  *console

	mu       sync.Mutex
	services map[string]*service
	down     bool
}

func newManager() *manager {
	return &manager{children: &children{pids: map[int]bool{}}, console: &console{out: os.Stdout}, services: map[string]*service{}}
}

// service is one that was started since the boot.
type service struct {
	name string

	mu      sync.Mutex // one who starts or stops it at a time
	state   string
	main    *exec.Cmd
	ended   chan struct{} // closed when main has ended
	wanted  bool
	unit    *units.Service
	restart *time.Timer
	stateMu sync.Mutex // guards what is above against who only looks
}

func (m *manager) service(name string) *service {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.services[units.Name(name)]
	if s == nil {
		s = &service{name: units.Name(name), state: inactive}
		m.services[s.name] = s
	}
	return s
}

// start starts services with all that they need, in order.
func (m *manager) start(names ...string) error {
	order, err := m.order(names)
	if err != nil {
		return err
	}
	broken := map[string]bool{}
	var errs []error
	for _, unit := range order {
		if need := slices.IndexFunc(unit.Requires, func(name string) bool { return broken[name] }); need >= 0 {
			broken[unit.Name] = true
			errs = append(errs, fmt.Errorf("%s: %s, which it requires, has failed", unit.Name, unit.Requires[need]))
			continue
		}
		if err := m.startOne(unit); err != nil {
			broken[unit.Name] = true
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// order is what a start of these names starts, each after what it is to come after.
// A service that is only wanted may be missing.
func (m *manager) order(names []string) ([]*units.Service, error) {
	set := map[string]*units.Service{}
	var add func(name string, must bool) error
	add = func(name string, must bool) error {
		name = units.Name(name)
		if set[name] != nil || filepath.Ext(name) != ".service" {
			return nil // a target or so that comes by itself
		}
		unit, err := units.Load("/", name)
		if err != nil {
			if must {
				return err
			}
			return nil
		}
		set[name] = unit
		for _, need := range unit.Requires {
			if err := add(need, true); err != nil {
				return fmt.Errorf("%s requires %w", name, err)
			}
		}
		for _, want := range unit.Wants {
			_ = add(want, false)
		}
		return nil
	}
	for _, name := range names {
		if filepath.Ext(units.Name(name)) != ".service" {
			return nil, fmt.Errorf("%s: the lab plays services alone", name)
		}
		if err := add(name, true); err != nil {
			return nil, err
		}
	}
	return sorted(set)
}

func sorted(set map[string]*units.Service) (list []*units.Service, err error) {
	done := map[string]int{} // 1: on the way, 2: in the list
	var visit func(name string) error
	visit = func(name string) error {
		unit := set[name]
		switch {
		case unit == nil || done[name] == 2:
			return nil
		case done[name] == 1:
			return fmt.Errorf("%s comes after itself", name)
		}
		done[name] = 1
		for _, before := range unit.After {
			if err := visit(before); err != nil {
				return err
			}
		}
		done[name] = 2
		list = append(list, unit)
		return nil
	}
	for _, name := range sortedKeys(set) {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// startOne starts a service, unless it runs or a condition isn't met.
func (m *manager) startOne(unit *units.Service) error {
	s := m.service(unit.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.look() == active {
		return nil
	}
	if !unit.Met("/") {
		m.console.say(s.name, "a condition isn't met: skipped")
		return nil
	}
	s.set(func() { s.unit, s.wanted = unit, true })
	return m.launch(s, unit)
}

// launch runs what a service is made of; s.mu is held.
func (m *manager) launch(s *service, unit *units.Service) error {
	env, err := unit.Environ("/")
	if err == nil {
		err = folders(unit)
	}
	for _, c := range unit.Pre {
		if err == nil {
			err = m.finish(s, unit, c, env)
		}
	}
	if err == nil && unit.Type == "oneshot" {
		for _, c := range unit.Start {
			if err == nil {
				err = m.finish(s, unit, c, env)
			}
		}
		if err == nil {
			state := inactive
			if unit.Remain {
				state = active
			}
			s.set(func() { s.state = state })
			return nil
		}
	} else if err == nil {
		err = m.run(s, unit, env)
	}
	if err != nil {
		s.set(func() { s.state = failed })
		m.console.say(s.name, "failed: "+err.Error())
		m.perhapsAgain(s, unit, false, false)
	}
	return err
}

func folders(unit *units.Service) error {
	for _, name := range unit.State {
		if err := folder(filepath.Join("/var/lib", name), unit.StateMode); err != nil {
			return err
		}
	}
	for _, name := range unit.Runtime {
		if err := folder(filepath.Join(RunPath, name), unit.RuntimeMode); err != nil {
			return err
		}
	}
	return nil
}

func folder(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode) // whatever the umask
}

// command is a program of a service, its words on the console.
func (m *manager) command(s *service, unit *units.Service, c units.Command, env []string) *exec.Cmd {
	words := c.Expand(env)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir = env, unit.Directory
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.Stdout, cmd.Stderr = m.console.of(s.name), m.console.of(s.name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second // what it has started may hold its output open
	return cmd
}

// begin starts a command with the service's nice value. Who isn't root outside is
// refused a better one, and goes without.
func (m *manager) begin(cmd *exec.Cmd, unit *units.Service) error {
	if err := m.children.start(cmd); err != nil {
		return err
	}
	if unit.Nice != 0 {
		_ = unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, unit.Nice)
	}
	return nil
}

// finish runs a command to its end.
func (m *manager) finish(s *service, unit *units.Service, c units.Command, env []string) error {
	cmd := m.command(s, unit, c, env)
	if err := m.begin(cmd, unit); err != nil {
		if c.Ignore {
			return nil
		}
		return err
	}
	if unit.StartWithin > 0 {
		timer := time.AfterFunc(unit.StartWithin, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
		defer timer.Stop()
	}
	if err := m.children.wait(cmd); err != nil && !c.Ignore {
		return fmt.Errorf("%s: %w", c.Words[0], err)
	}
	return nil
}

// run starts the main process and has somebody wait for its end.
func (m *manager) run(s *service, unit *units.Service, env []string) error {
	cmd := m.command(s, unit, unit.Start[0], env)
	if err := m.begin(cmd, unit); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.set(func() { s.main, s.ended, s.state = cmd, ended, active })
	go func() {
		err := m.children.wait(cmd)
		if unit.Kill != "process" {
			killSession(cmd.Process.Pid, unix.SIGKILL) // what it leaves behind
		}
		if !unit.Preserve {
			for _, name := range unit.Runtime {
				_ = os.RemoveAll(filepath.Join(RunPath, name))
			}
		}
		var stopped bool
		s.set(func() {
			s.main, stopped = nil, !s.wanted
			if s.state = inactive; err != nil && !stopped {
				s.state = failed
			}
		})
		close(ended)
		if stopped {
			return
		}
		m.console.say(s.name, fmt.Sprintf("its main process has ended: %v", err))
		m.perhapsAgain(s, unit, err == nil, signaled(cmd))
	}()
	return nil
}

func signaled(cmd *exec.Cmd) bool {
	w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && w.Signaled()
}

// perhapsAgain starts a service that has ended once more, if its file says so.
func (m *manager) perhapsAgain(s *service, unit *units.Service, clean, signal bool) {
	again := false
	switch unit.Restart {
	case "always":
		again = true
	case "on-success":
		again = clean
	case "on-failure":
		again = !clean
	case "on-abnormal", "on-abort":
		again = signal
	}
	m.mu.Lock()
	down := m.down
	m.mu.Unlock()
	if !again || down {
		return
	}
	s.set(func() {
		s.state = waiting
		s.restart = time.AfterFunc(unit.RestartAfter, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.look() == waiting {
				_ = m.launch(s, unit) // the console has it
			}
		})
	})
}

// stop ends a service: told to, and killed if it doesn't.
func (m *manager) stop(name string) error {
	s := m.service(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	var cmd *exec.Cmd
	var ended chan struct{}
	var unit *units.Service
	s.set(func() {
		s.wanted = false
		if s.restart != nil {
			s.restart.Stop()
		}
		cmd, ended, unit = s.main, s.ended, s.unit
		if cmd == nil {
			s.state = inactive
		}
	})
	if unit == nil {
		_, err := units.Load("/", name)
		return err
	}
	env, err := unit.Environ("/")
	for _, c := range unit.Stop {
		if cmd != nil && err == nil {
			err = m.finish(s, unit, c, append(env, mainPid(cmd)))
		}
	}
	if cmd == nil {
		return nil
	}
	if unit.Kill == "control-group" {
		killSession(cmd.Process.Pid, unix.SIGTERM)
	} else {
		_ = unix.Kill(cmd.Process.Pid, unix.SIGTERM)
	}
	bound := time.After(unit.StopWithin)
	if unit.StopWithin == 0 {
		bound = nil
	}
	select {
	case <-ended:
	case <-bound:
		m.console.say(s.name, "doesn't stop: killed")
		killSession(cmd.Process.Pid, unix.SIGKILL)
		<-ended
	}
	return err
}

func mainPid(cmd *exec.Cmd) string { return "MAINPID=" + strconv.Itoa(cmd.Process.Pid) }

// reload has a service read its settings anew.
func (m *manager) reload(name string) error {
	s := m.service(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	var cmd *exec.Cmd
	var unit *units.Service
	s.set(func() { cmd, unit = s.main, s.unit })
	if cmd == nil {
		return fmt.Errorf("%s isn't active, so it can't be reloaded", s.name)
	}
	if len(unit.Reload) == 0 {
		return fmt.Errorf("%s can't be reloaded: it has no ExecReload", s.name)
	}
	env, err := unit.Environ("/")
	for _, c := range unit.Reload {
		if err == nil {
			err = m.finish(s, unit, c, append(env, mainPid(cmd)))
		}
	}
	return err
}

// shutDown ends all services at once, and then whatever else runs.
func (m *manager) shutDown() {
	m.mu.Lock()
	m.down = true
	names := sortedKeys(m.services)
	m.mu.Unlock()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() { _ = m.stop(name) })
	}
	all.Wait()
	_ = unix.Kill(-1, unix.SIGTERM)
}

// set changes a service, look tells its state.
func (s *service) set(change func()) {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	change()
}

func (s *service) look() (state string) {
	s.set(func() { state = s.state })
	return state
}
