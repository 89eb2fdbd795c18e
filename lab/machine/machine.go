// Package machine boots VMs: a set of namespaces each, with a root of its own that
// is laid over the one of the machine outside, in which the subsets of cloud-init and
// of systemd that our set-up uses really run (packages cloudinit and units say which).
// Nothing outside a machine's own folder is written, and nothing of it outlives its
// first process. It must be used inside a room.
//
// A machine is known by a folder, which is its disk: whoever boots it again finds
// what the last boot left, whoever removes it leaves nothing.
//
// # Concurrency
//
// Methods may be called from any goroutine, but one of Boot, Shutdown, Kill and Remove
// at a time.
package machine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/machine/guest"
	"releve.dev/releve/lab/room"
)

// Spec is what is booted.
type Spec struct {
	Dir      string   // the machine's folder, in the room; the last part of its name is the machine's
	Program  string   // that calls guest.Main
	Hostname string   // its name
	Instance string   // cloud-init plays once for each
	UserData []byte   // for cloud-init
	Packages []string // .deb files that its image has installed
	Roots    []byte   // certificates, in PEM, that its image trusts besides
	Servers  []string // of DNS, as DHCP tells them
}

// Machine is a VM of the lab.
type Machine struct {
	spec Spec

	mu    sync.Mutex
	cmd   *exec.Cmd // its first process; nil while it is off
	ended chan struct{}
	host  *room.Host
}

// New is a machine that hasn't been booted.
func New(spec Spec) *Machine { return &Machine{spec: spec} }

// Boot boots the machine in a host, which has its network already, and returns when
// its agent would be ready. Commands of its user data may run on after that.
func (m *Machine) Boot(ctx context.Context, host *room.Host) error {
	if m.on() != nil {
		return fmt.Errorf("boot %s: it is on", m.spec.Hostname)
	}
	if err := m.prepare(); err != nil {
		return fmt.Errorf("make the disk of %s: %w", m.spec.Hostname, err)
	}
	said, err := m.power(host)
	if err != nil {
		return fmt.Errorf("boot %s: %w", m.spec.Hostname, err)
	}
	answer := make(chan string, 1)
	go func() {
		defer said.Close()
		line, _ := bufio.NewReader(said).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		if line == guest.Ready {
			return nil
		}
		m.Kill()
		return fmt.Errorf("boot %s: %s", m.spec.Hostname, strings.TrimPrefix(line+m.lastWords(line), guest.Failed))
	case <-ctx.Done():
		m.Kill()
		return fmt.Errorf("boot %s: %w", m.spec.Hostname, ctx.Err())
	}
}

// lastWords is the console's last line, for a machine that has said nothing else.
func (m *Machine) lastWords(line string) string {
	if line != "" {
		return ""
	}
	text, _ := os.ReadFile(m.Console())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "it has ended at once: " + lines[len(lines)-1]
}

// power starts the machine's first process; it says by the file how that goes.
func (m *Machine) power(host *room.Host) (*os.File, error) {
	text, err := json.Marshal(m.guestSpec())
	if err != nil {
		return nil, err
	}
	file := filepath.Join(m.spec.Dir, "boot.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	console, err := os.OpenFile(m.Console(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer console.Close()
	said, says, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer says.Close()
	cmd := exec.Command(m.spec.Program)
	cmd.Env = []string{guest.SpecVar + "=" + file}
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{says}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	if err := host.Start(cmd); err != nil {
		said.Close()
		return nil, err
	}
	ended := make(chan struct{})
	m.mu.Lock()
	m.cmd, m.ended, m.host = cmd, ended, host
	m.mu.Unlock()
	go func() {
		_ = cmd.Wait() // its console tells
		m.mu.Lock()
		m.cmd = nil
		m.mu.Unlock()
		close(ended)
	}()
	return said, nil
}

func (m *Machine) guestSpec() guest.Spec {
	return guest.Spec{Dir: m.spec.Dir, Program: m.spec.Program, Hostname: m.spec.Hostname, Layered: layered(),
		Instance: m.spec.Instance, UserData: m.spec.UserData, Packages: m.packages()}
}

// on is the first process of a machine that is on.
func (m *Machine) on() *exec.Cmd {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd
}

// Running reports whether the machine is on.
func (m *Machine) Running() bool { return m.on() != nil }

// Shutdown stops all services, and then the machine.
func (m *Machine) Shutdown(ctx context.Context) error {
	select {
	case <-m.signal(unix.SIGTERM):
		return nil
	case <-ctx.Done():
		m.Kill()
		return fmt.Errorf("shut %s down: %w", m.spec.Hostname, ctx.Err())
	}
}

// Kill ends the machine at once, as a power cut does.
func (m *Machine) Kill() { <-m.signal(unix.SIGKILL) }

// signal reaches the first process. What is returned is closed once that has ended,
// and with it all the others.
func (m *Machine) signal(s unix.Signal) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		off := make(chan struct{})
		close(off)
		return off
	}
	_ = unix.Kill(m.cmd.Process.Pid, s)
	return m.ended
}

// Remove takes the disk of a machine away that is off.
func (m *Machine) Remove() error {
	if m.Running() {
		return fmt.Errorf("remove %s: it is on", m.spec.Hostname)
	}
	return os.RemoveAll(m.spec.Dir)
}

// Console is the file with all that the machine has said (Azure's boot diagnostics).
func (m *Machine) Console() string { return filepath.Join(m.spec.Dir, "console") }

// Path is where the lab finds a file that the machine has written: below /run its
// present one, else what lies on its disk beyond the image.
func (m *Machine) Path(inside string) string {
	if below, found := strings.CutPrefix(inside, "/run/"); found {
		return filepath.Join(m.spec.Dir, guest.Run, below)
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(inside, "/"), "/")
	for _, name := range layered() {
		if name == top {
			return filepath.Join(m.spec.Dir, guest.Upper, inside)
		}
	}
	return filepath.Join(m.spec.Dir, guest.Root, inside)
}

// errOff is a machine that is off.
var errOff = errors.New("the machine is off")
