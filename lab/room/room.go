// Package room is the lab's own world: a mount, a network and a PID namespace
// (and a user namespace for who isn't root) that the kernel clears whole when
// its first process dies. Nothing of a lab can be left behind, whoever is
// killed in whatever way.
//
// Three processes of one program take part. The outer one is what the user
// started: it stays in the user's namespaces, passes signals in and the exit
// status out. The first one is PID 1 of the room: it makes the mounts, reaps
// orphans, and dies with the outer one. The inside one does the work; when it
// ends, so does the room.
package room

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stageVar tells a process of this program which of the three it is. It is
// taken out of the environment at once, so that a lab started in a lab's shell
// gets a room of its own.
const stageVar = "RELEVE_ROOM"

const (
	stageOuter  = ""
	stageFirst  = "first"
	stageInside = "inside"
)

// ErrNoRoom is wrapped by errors that say that this kernel or user can't have
// a room. Tests skip on it.
var ErrNoRoom = errors.New("no room for the lab on this machine")

var stage, inherited = takeStage()

// Inside reports whether this process is the one that does the work. Passed
// files are then at descriptors from 3 on, in the order in which they were given.
func Inside() bool { return stage == stageInside }

// Enter runs this process's command line again inside a new room and returns
// its exit status. Whoever isn't Inside calls it first of all, before any
// other goroutine is started, and exits with what it returns. Prepare is called
// in the outer process alone; the files that it returns are passed on.
//
// Errors wrap ErrNoRoom where the machine is to blame, and then carry a hint.
func Enter(prepare func() ([]*os.File, error)) (status int, err error) {
	// The kernel binds the parent's death signal to the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if stage == stageFirst {
		return first()
	}
	var files []*os.File
	if prepare != nil {
		if files, err = prepare(); err != nil {
			return 1, err
		}
	}
	return outer(files)
}

func outer(files []*os.File) (int, error) {
	cmd := again(stageFirst, len(files))
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		// Ctrl-C reaches the outer process alone, which passes it on once; and prefer
		// prefers the room alone.
		Setsid: true,
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	}
	signals := passed()
	if err := cmd.Start(); err != nil {
		return 1, noRoom(err)
	}
	prefer(cmd.Process.Pid)
	go forward(signals, cmd.Process.Pid)
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, fmt.Errorf("wait for the lab: %w", err)
	}
	return statusOf(cmd.ProcessState.Sys().(syscall.WaitStatus)), nil
}

// prefer gives a session's processes more of the machine than others': the scheduler
// shares it among sessions first (sched(7), autogroup), so what else is started on a
// busy machine makes a lab stand still whatever its own priority. Who isn't root, or has
// no such kernel, goes without.
func prefer(session int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", session), []byte("-10"), 0)
}

// again is this command line once more, as another stage.
func again(stage string, files int) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%s:%d", stageVar, stage, ownNet(), files))
	if program, err := Program(); err == nil {
		cmd.Env = append(cmd.Env, programVar+"="+program)
	}
	return cmd
}

// programVar tells the stages inside where this program is.
const programVar = "RELEVE_LAB_PROGRAM"

// Program is the path of this program. Inside a room in a chroot the kernel can't
// tell it: /proc/self/exe names the file by a mount of the namespace outside.
func Program() (string, error) {
	if program := os.Getenv(programVar); program != "" {
		return program, nil
	}
	return os.Executable()
}

// takeStage believes the variable only if this process is where it says: in
// another network namespace than the one who set it, below PID 1. A value set
// by hand must not let the lab loose on the machine's own namespaces.
func takeStage() (stage string, files int) {
	value, set := os.LookupEnv(stageVar)
	if !set {
		return stageOuter, 0
	}
	os.Unsetenv(stageVar)
	parts := strings.Split(value, ":")
	if len(parts) != 3 {
		return stageOuter, 0
	}
	files, _ = strconv.Atoi(parts[2])
	switch {
	case parts[0] == stageFirst && os.Getpid() == 1 && parts[1] != ownNet():
		return stageFirst, files
	case parts[0] == stageInside && os.Getppid() == 1 && parts[1] == ownNet():
		return stageInside, files
	}
	return stageOuter, 0
}

// ownNet is the number of this process's network namespace.
func ownNet() string {
	var stat unix.Stat_t
	if unix.Stat("/proc/self/ns/net", &stat) != nil {
		return "?"
	}
	return strconv.FormatUint(stat.Ino, 10)
}

func passed() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGWINCH)
	return signals
}

func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		_ = unix.Kill(pid, s.(syscall.Signal)) // gone: its end is on its way to us
	}
}

// statusOf follows the shell: 128 and the signal's number for who was killed.
func statusOf(w syscall.WaitStatus) int {
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}

func noRoom(err error) error {
	hint := "run it as root, or allow user namespaces (sysctl user.max_user_namespaces=10000; " +
		"on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0)"
	if os.Geteuid() == 0 {
		hint = "root lacks CAP_SYS_ADMIN here: a container must be started with --privileged"
	}
	return fmt.Errorf("%w: the kernel refuses new namespaces: %w\nhint: %s", ErrNoRoom, err, hint)
}
