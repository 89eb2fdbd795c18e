package room

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// priority of everything in the room (a nice value).
const priority = -10

// first is PID 1 of the room. It does nothing but make the room habitable,
// start the inside process, and reap.
func first() (int, error) {
	if err := furnish(); err != nil {
		return 1, err
	}
	if err := loopback(); err != nil {
		return 1, fmt.Errorf("bring up the room's loopback: %w", err)
	}
	cmd := again(stageInside, inherited)
	for i := range inherited {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(3+i), "passed"))
	}
	// The lab is a measuring instrument: other load on the machine should not
	// move its hands. Refused to who isn't root, which is no harm.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, priority)
	signals := passed()
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start the lab inside its room: %w", err)
	}
	for _, file := range cmd.ExtraFiles {
		file.Close()
	}
	go forward(signals, cmd.Process.Pid)
	return reap(cmd.Process.Pid), nil
}

// reap collects every orphan until the inside process itself has ended.
func reap(inside int) int {
	for {
		var w unix.WaitStatus
		pid, err := unix.Wait4(-1, &w, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 1
		case pid == inside && (w.Exited() || w.Signaled()):
			return statusOf(syscall.WaitStatus(w))
		}
	}
}

func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
