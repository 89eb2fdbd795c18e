package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/machine/guest"
)

// Start starts a program inside the machine: in its namespaces, below its root.
func (m *Machine) Start(cmd *exec.Cmd) error {
	first := m.on()
	if first == nil {
		return fmt.Errorf("start %s in %s: %w", cmd.Path, m.spec.Hostname, errOff)
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its changed namespaces
		err := enter(fmt.Sprintf("/proc/%d", first.Process.Pid))
		if err == nil {
			err = find(cmd)
		}
		if err == nil {
			err = cmd.Start()
		}
		result <- err
	}()
	return <-result
}

// find looks a program up that is named without a path: in the machine, by the thread
// that has entered it.
func find(cmd *exec.Cmd) error {
	name := cmd.Args[0]
	if strings.Contains(name, "/") {
		return nil
	}
	for _, folder := range strings.Split(guest.Path, ":") {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
			cmd.Path, cmd.Err = path, nil
			return nil
		}
	}
	return fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// enter takes the calling thread into the namespaces of a process. The mounts' comes
// last of all, as the others are found by the /proc outside.
func enter(proc string) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("enter a machine: %w", err)
	}
	root, err := unix.Open(proc+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("enter a machine: %w", err)
	}
	defer unix.Close(root)
	var spaces []int
	defer func() {
		for _, fd := range spaces {
			unix.Close(fd)
		}
	}()
	kinds := []struct {
		name string
		flag int
	}{{"net", unix.CLONE_NEWNET}, {"uts", unix.CLONE_NEWUTS}, {"ipc", unix.CLONE_NEWIPC}, {"pid", unix.CLONE_NEWPID}, {"mnt", unix.CLONE_NEWNS}}
	for _, kind := range kinds {
		fd, err := unix.Open(proc+"/ns/"+kind.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("enter a machine: %w", err)
		}
		spaces = append(spaces, fd)
	}
	for n, kind := range kinds {
		if err := unix.Setns(spaces[n], kind.flag); err != nil {
			return fmt.Errorf("enter a machine's %s namespace: %w", kind.name, err)
		}
	}
	if err := unix.Fchdir(root); err != nil {
		return fmt.Errorf("enter a machine's root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("enter a machine's root: %w", err)
	}
	return nil
}

// Result is how a script ended.
type Result struct {
	Exit           int
	Stdout, Stderr string // the ends of what it said
}

// tail is how much of a script's words Azure shows, in bytes, of each kind.
const tail = 4 << 10

// Script runs a shell's script as the machine's root, in a folder of its own, to its
// end. On the end of ctx it and all that it has started are killed.
func (m *Machine) Script(ctx context.Context, folder string, text []byte) (Result, error) {
	var out, complaint last
	cmd := exec.Command("/bin/sh", "-c", `mkdir -p "$1" && cd "$1" && cat >script.sh && chmod 0700 script.sh && exec /bin/sh ./script.sh </dev/null`, "sh", folder)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &complaint
	cmd.Env = []string{"PATH=" + guest.Path, "HOME=/root", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := m.Start(cmd); err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	defer stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return Result{}, err
	}
	r := Result{Exit: cmd.ProcessState.ExitCode(), Stdout: out.text(), Stderr: complaint.text()}
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		r.Exit = 128 + int(w.Signal())
	}
	return r, ctx.Err()
}

// last keeps the end of what is written.
type last struct{ kept []byte }

func (l *last) Write(text []byte) (int, error) {
	l.kept = append(l.kept, text...)
	if over := len(l.kept) - tail; over > 0 {
		l.kept = append(l.kept[:0], l.kept[over:]...)
	}
	return len(text), nil
}

func (l *last) text() string { return string(l.kept) }
