// Package priority gives a vSocket's process what its timers need. Beside busy
// programs a Go process of normal priority delays keepalives by hundreds of
// milliseconds; with real-time priority, or at least nice -20, by ten to forty
// (dataplane.md section 6).
//
// All threads get the same: a Go process in which some threads are real-time
// and some are not can stand still for seconds.
package priority

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Level is what the process got.
type Level string

// The levels, best first.
const (
	RealTime Level = "SCHED_FIFO 50"
	Nice     Level = "nice -20"
	Normal   Level = "normal"
)

const fifoPriority = 50

// Raise asks for the best level for every thread, now and later: new threads
// inherit it. An error says why it is Normal, or why RealTime was refused.
//
// Real-time priority is taken by the calling thread alone, which then executes
// this program again: to give it to the threads of a running Go process one by
// one lets a real-time thread spin for a lock of one that isn't yet, and on a
// busy machine that stands still for minutes. Call it first of all.
func Raise() (Level, error) {
	if policy, _, _ := unix.Syscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0); policy == unix.SCHED_FIFO {
		return RealTime, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	realTime := setFIFO(0)
	if realTime == nil {
		realTime = again()
		_ = setNormal(0) // only a refused execution comes back
	}
	nice := eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, -20) })
	if nice == nil {
		return Nice, fmt.Errorf("real-time priority: %w", realTime)
	}
	return Normal, fmt.Errorf("priority: %w\nhint: give the program CAP_SYS_NICE", errors.Join(realTime, nice))
}

// again replaces this program by itself.
func again() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(self, os.Args, os.Environ())
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

func setFIFO(tid int) error   { return setScheduler(tid, unix.SCHED_FIFO, fifoPriority) }
func setNormal(tid int) error { return setScheduler(tid, unix.SCHED_NORMAL, 0) }

func setScheduler(tid int, policy, priority int32) error {
	param := struct{ priority int32 }{priority}
	_, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(tid), uintptr(policy), uintptr(unsafe.Pointer(&param)))
	if errno != 0 {
		return fmt.Errorf("sched_setscheduler: %w", errno)
	}
	return nil
}
