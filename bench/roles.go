package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/priority"
	"releve.dev/releve/tunnel"
)

// roleFlag starts this program again as one of the processes of a measurement.
const roleFlag = "--as"

func again(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", append([]string{roleFlag}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// child is one of the processes of a measurement; each ends by itself.
func child(args []string) int {
	level := priority.Normal
	if len(args) > 1 && args[1] == "true" {
		level, _ = priority.Raise()
	}
	var err error
	switch args[0] {
	case "burn":
		burn()
	case "send":
		err = send()
	case "receive":
		err = receive(level)
	case "device":
		err = tunnel.Serve(context.Background(), args[1])
	case "way":
		return inRoom(func() error { return serveWay(args[1]) })
	case "crowd":
		return inRoom(serveCrowd)
	case "vsockets":
		err = serveVSockets(args[1], args[2], args[3])
	case "bare-manager":
		err = serveBare(args[1])
	}
	return statusOf(err)
}

func statusOf(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// inRoom does something in a room of its own.
func inRoom(do func() error) int {
	if room.Inside() {
		return statusOf(do())
	}
	status, err := room.Enter(nil)
	if err != nil {
		return statusOf(err)
	}
	return status
}
