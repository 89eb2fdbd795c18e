package tunnel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The parent and its wireguard-go share a socket, the child's descriptor lineFD.
// The child says ready once it can be configured, or why it can't; when the
// parent's end is closed, be it by its death, the child ends.
const (
	lineFD = 3
	ready  = "ready"
)

const (
	readyWithin = 10 * time.Second // a starved machine takes seconds to start a process
	endWithin   = 5 * time.Second
)

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	line  *os.File
	ended chan struct{} // closed when it has been waited for
}

// start runs the program in the network namespace of the calling thread and
// returns once it is ready.
func start(program []string, name string) (*process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program[0], append(program[1:len(program):len(program)], name)...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is for the parent, which ends it in its own time
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start wireguard-go: %w", err)
	}
	p := &process{cmd: cmd, line: ours, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	if err := p.await(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket to wireguard-go: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "line"), os.NewFile(uintptr(fds[1]), "line"), nil
}

func (p *process) await() error {
	if err := p.line.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
		return err
	}
	said, err := bufio.NewReader(p.line).ReadString(0)
	said = strings.TrimSuffix(said, "\x00")
	switch {
	case said == ready:
		return nil
	case strings.HasPrefix(said, takenMark):
		return fmt.Errorf("%w: %s", ErrTaken, strings.TrimPrefix(said, takenMark))
	case said != "":
		return errors.New(said)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("wireguard-go isn't ready after %s", readyWithin)
	case err == io.EOF:
		return fmt.Errorf("wireguard-go has ended at its start\nhint: see what it said on standard error")
	}
	return fmt.Errorf("wireguard-go: %w", err)
}

// stop lets the child end, and ends it if it doesn't.
func (p *process) stop() error {
	p.line.Close() // a second close does nothing
	patience := time.NewTimer(endWithin)
	defer patience.Stop()
	select {
	case <-p.ended:
		return nil
	case <-patience.C:
	}
	err := p.cmd.Process.Kill()
	<-p.ended
	return err
}
