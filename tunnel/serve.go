package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/ipc"
	"golang.zx2c4.com/wireguard/tun"
)

// memory is the Go heap's soft limit unless GOMEMLIMIT says otherwise: the
// pools of wireguard-go have no bound of their own (dataplane.md section 2).
const memory = 512 << 20

// takenMark begins what a child says if its name is in use.
const takenMark = "taken:"

// Serve is the whole of the process that Config.Program starts: wireguard-go on a
// TUN of that name, configured through its socket in /var/run/wireguard like any
// other (`wg show` works). It returns when its parent has ended, or with ctx.
//
// SIGTERM and SIGINT are for the parent: systemd sends them to all processes of a
// unit, and a parent that ends cleanly still needs its device for a while.
func Serve(ctx context.Context, name string) error {
	if err := calm(); err != nil {
		return err
	}
	line := os.NewFile(lineFD, "line")
	if _, err := line.Stat(); err != nil {
		return errors.New("a device is started by its own program, not by hand")
	}
	defer line.Close()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	s, err := open(name)
	if err != nil {
		text := err.Error()
		if errors.Is(err, ErrTaken) {
			text = takenMark + strings.TrimPrefix(text, ErrTaken.Error()+": ")
		}
		_, _ = line.WriteString(text + "\x00") // the parent tells
		return err
	}
	defer s.close()
	if _, err := line.WriteString(ready + "\x00"); err != nil {
		return fmt.Errorf("tell the parent: %w", err)
	}
	parent := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, line) // ends with the parent
		close(parent)
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-parent:
		return nil
	case <-s.device.Wait():
		return fmt.Errorf("device %s: its interface is gone", name)
	case err := <-s.failed:
		return fmt.Errorf("device %s: its socket: %w", name, err)
	}
}

// nice is the most that a device's process has. Its parent's timers come first
// (nice -20): encryption beside them is what they must be spared. But before all
// else comes the device, as the answers that renew a lease pass through it.
const nice = -10

// calm gives up a higher priority that was inherited. A priority is a thread's;
// only the one that starts the program anew keeps on.
func calm() error {
	level, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // 20 less the nice value
	if err != nil || level <= 20-nice {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", os.Args, os.Environ())
}

// served is a running wireguard-go.
type served struct {
	device *device.Device
	socket net.Listener
	failed chan error
}

func open(name string) (*served, error) {
	queue, err := openTUN(name)
	if err != nil {
		return nil, err
	}
	file, err := ipc.UAPIOpen(name)
	if err != nil {
		queue.Close()
		if strings.Contains(err.Error(), "in use") { // its own error has no name
			return nil, fmt.Errorf("%w: /var/run/wireguard/%s.sock has a listener, perhaps in another network namespace", ErrTaken, name)
		}
		return nil, fmt.Errorf("socket in /var/run/wireguard: %w", err)
	}
	s := &served{failed: make(chan error, 1)}
	s.device = device.NewDevice(queue, conn.NewDefaultBind(), logger(name))
	if err = s.device.Up(); err == nil {
		s.socket, err = ipc.UAPIListen(name, file)
	}
	if err != nil {
		s.device.Close()
		return nil, fmt.Errorf("wireguard-go: %w", err)
	}
	go s.accept()
	return s, nil
}

func (s *served) accept() {
	for {
		conn, err := s.socket.Accept()
		if err != nil {
			s.failed <- err
			return
		}
		go s.device.IpcHandle(conn)
	}
}

func (s *served) close() {
	s.socket.Close()
	s.device.Close()
}

// openTUN makes the interface and brings it up before wireguard-go sees it, so
// that a port in use is told to who sets it, and not to a log a second later.
func openTUN(name string) (tun.Device, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w\nhint: modprobe tun; in a container: --device /dev/net/tun", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("%w: there is an interface of that name", ErrTaken)
		}
		return nil, fmt.Errorf("make the TUN interface: %w\nhint: run as root or with CAP_NET_ADMIN", err)
	}
	file := os.NewFile(uintptr(fd), "/dev/net/tun") // to netpoll only now that it has its interface
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("bring up the TUN interface: %w", err)
	}
	return tun.CreateTUNFromFile(file, MTU)
}

// logger passes on what goes wrong, a line a second at most: an unreachable
// peer is a failure each few seconds, and there may be thousands.
func logger(name string) *device.Logger {
	var mu sync.Mutex
	var last time.Time
	return &device.Logger{
		Verbosef: device.DiscardLogf,
		Errorf: func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(last) >= time.Second {
				last = now
				slog.Warn("wireguard-go", "device", name, "reason", fmt.Sprintf(format, args...))
			}
		},
	}
}
