package tunnel

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/room/roomtest"
)

// A device's process must not compete with the timers of a parent that runs at
// nice -20 (docs/decisions/0003), whatever thread of it began it.
func TestTheDeviceIsBelowItsParentsTimers(t *testing.T) {
	roomtest.Need(t)
	opened := make(chan *Device, 1)
	go func() { // ends with its thread, so that no other test gets its priority
		runtime.LockOSThread()
		defer close(opened)
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, -20); err != nil {
			t.Log("no higher priority here:", err)
			return
		}
		device, err := Open(Config{Name: "wg-calm", PrivateKey: GenerateKey(), Program: self})
		if err != nil {
			t.Error(err)
			return
		}
		opened <- device
	}()
	device := <-opened
	if device == nil {
		return
	}
	defer device.Close()
	if device.Kernel() {
		t.Skip("the kernel's device has no process")
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", device.child.cmd.Process.Pid))
	if len(tasks) < 2 {
		t.Errorf("%d threads", len(tasks))
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(filepath.Base(task))
		if level, err := unix.Getpriority(unix.PRIO_PROCESS, tid); err == nil && 20-level != nice {
			t.Errorf("a thread has nice %d", 20-level)
		}
	}
}

// SIGTERM to all processes of a unit must not take the tunnel from an agent that
// still drains.
func TestTheDeviceOutlivesSIGTERM(t *testing.T) {
	a, b := pair(t)
	if a.device.Kernel() {
		t.Skip("the kernel's device has no process")
	}
	a.meet()
	b.meet()
	a.mustReach()
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		must(0, a.device.child.cmd.Process.Signal(s))(t)
	}
	select {
	case <-a.device.Done():
		t.Fatal("it has ended")
	case <-time.After(200 * time.Millisecond):
	}
	a.mustReach()
}
