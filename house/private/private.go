// Package private lets the tests of a package run in network and mount
// namespaces of their own, as root or, where the kernel lets it, as anybody.
package private

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// marker is in the environment of the program that runs in the namespaces.
const marker = "RELEVE_PRIVATE"

// Main is a package's TestMain where every test needs the namespaces. Where they
// can't be had it says so and runs no test.
func Main(m *testing.M) {
	if Inside() {
		os.Exit(m.Run())
	}
	code, err := Again()
	if err != nil {
		fmt.Println("SKIP: no namespaces of one's own here:", err)
	}
	os.Exit(code)
}

// Inside reports whether this program runs in the namespaces. Its loopback is up.
func Inside() bool {
	if os.Getenv(marker) == "" {
		return false
	}
	if lo, err := netlink.LinkByName("lo"); err == nil {
		_ = netlink.LinkSetUp(lo) // a test that needs it will tell
	}
	return true
}

// Again starts this program once more, in new namespaces, which the kernel
// clears when it ends. The error says why it could not be started there.
func Again() (code int, err error) {
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Env = append(os.Environ(), marker+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = Attributes()
	runtime.LockOSThread() // Pdeathsig is about the thread that starts it
	var exit *exec.ExitError
	if err := child.Run(); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return child.ProcessState.ExitCode(), nil
}

// Attributes start a program in new namespaces. They leave the user namespace out for root, who may be refused one in a
// chroot and needs none.
func Attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}
