package room

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is a machine of the lab: a network namespace. Its methods may be called
// from any goroutine.
type Host struct {
	Name string
	NS   netns.NsHandle
}

// NewHost makes a namespace with its loopback up and IPv6 off (the emulated
// network carries IPv4 alone). It lives until Close, or until the room ends.
func NewHost(name string) (*Host, error) {
	host := &Host{Name: name}
	err := onThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		host.NS, err = netns.Get()
		return err
	})
	if err == nil {
		err = host.settle()
	}
	if err != nil {
		return nil, fmt.Errorf("make host %s: %w", name, err)
	}
	return host, nil
}

func (h *Host) settle() error {
	return h.Do(func() error {
		for _, conf := range []string{"all", "default"} {
			path := "/proc/sys/net/ipv6/conf/" + conf + "/disable_ipv6"
			if err := os.WriteFile(path, []byte("1"), 0); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		return loopback()
	})
}

// Close gives the handle back. The namespace goes once nothing runs in it.
func (h *Host) Close() error { return h.NS.Close() }

// Do calls fn on a thread of its own inside the host. Sockets opened and
// programs started by fn belong to the host from then on.
func (h *Host) Do(fn func() error) error {
	return onThread(func() error {
		if err := netns.Set(h.NS); err != nil {
			return fmt.Errorf("enter host %s: %w", h.Name, err)
		}
		return fn()
	})
}

// Start starts a program inside the host.
func (h *Host) Start(cmd *exec.Cmd) error { return h.Do(cmd.Start) }

// Processes lists what runs inside the host, by the numbers that the room's
// processes know them by: /proc may be of the machine outside (furnish). This
// process is left out: its first thread may be wedged in any host (onThread).
func (h *Host) Processes() (pids []int, err error) {
	var own, other unix.Stat_t
	if err := unix.Fstat(int(h.NS), &own); err != nil {
		return nil, fmt.Errorf("look at host %s: %w", h.Name, err)
	}
	folders, err := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		if unix.Stat(filepath.Join(folder, "ns/net"), &other) != nil || other.Ino != own.Ino {
			continue
		}
		if pid := innermost(filepath.Join(folder, "status")); pid != 0 && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// innermost is the number that a process has in its own PID namespace
// (proc_pid_status(5)), 0 if it has ended.
func innermost(status string) int {
	text, _ := os.ReadFile(status)
	for line := range strings.Lines(string(text)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			all := strings.Fields(numbers)
			pid, _ := strconv.Atoi(all[len(all)-1])
			return pid
		}
	}
	return 0
}

// Listen opens a TCP listener inside the host.
func (h *Host) Listen(address string) (l net.Listener, err error) {
	err = h.Do(func() error {
		l, err = net.Listen("tcp4", address)
		return err
	})
	return l, err
}

// Dial opens a TCP connection from the host. The timeout bounds the opening.
func (h *Host) Dial(address string, timeout time.Duration) (conn net.Conn, err error) {
	err = h.Do(func() error { // one address: the socket is made on this thread
		conn, err = net.DialTimeout("tcp4", address, timeout)
		return err
	})
	return conn, err
}

// ListenUDP opens a UDP socket inside the host.
func (h *Host) ListenUDP(address *net.UDPAddr) (conn *net.UDPConn, err error) {
	err = h.Do(func() error {
		conn, err = net.ListenUDP("udp4", address)
		return err
	})
	return conn, err
}

// Netlink is a way to configure the host; the caller closes it.
func (h *Host) Netlink() (*netlink.Handle, error) {
	handle, err := netlink.NewHandleAt(h.NS)
	if err != nil {
		return nil, fmt.Errorf("netlink to host %s: %w", h.Name, err)
	}
	return handle, nil
}

// onThread runs fn on a thread that ends with it: a thread whose namespace was
// changed must never serve another goroutine.
func onThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- fn()
	}()
	return <-result
}
