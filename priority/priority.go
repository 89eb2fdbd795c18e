// Package priority gives a vSocket's agent, and a PoP's witness, what their timers
// need. Beside busy programs, such as tunnels at full speed, a Go process of normal
// priority is late by hundreds of milliseconds; with nice -20 by some tens
// (dataplane.md section 6).
//
// It is nice and not real-time priority on purpose: docs/decisions/0003.
package priority

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Level is what the process got.
type Level string

// The levels.
const (
	High   Level = "nice -20"
	Normal Level = "normal"
)

// Raise asks for the high level for every thread, now and later: new threads
// inherit it. The error says why it is Normal.
func Raise() (Level, error) {
	err := eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, -20) })
	if err != nil {
		return Normal, fmt.Errorf("priority: %w\nhint: give the program CAP_SYS_NICE", err)
	}
	raiseSession()
	return High, nil
}

// raiseSession: processes that are in no control group of their own share the machine
// by sessions first, and a nice value counts within one alone (sched(7), autogroup).
// Who leads a session, as service managers have it, raises it; in somebody else's,
// as in a shell's, there are programs that aren't ours. Kernels without this have no
// such file, and need none.
func raiseSession() {
	if leader, err := unix.Getsid(0); err == nil && leader == os.Getpid() {
		_ = os.WriteFile("/proc/self/autogroup", []byte("-20"), 0)
	}
}

// eachThread applies fn until no thread is left that it was not applied to.
func eachThread(fn func(tid int) error) error {
	done := map[int]bool{}
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil || done[tid] {
				continue
			}
			if err := fn(tid); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
			done[tid], again = true, true
		}
	}
	return nil
}
