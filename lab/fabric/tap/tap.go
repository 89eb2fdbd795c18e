// Package tap opens TAP interfaces inside network namespaces and keeps their
// other end here: what the guest sends is read, what is written the guest
// receives. Frames carry the virtio-net header, so that TCP segments of up to
// 64 KB, as many UDP datagrams of one send, and unfinished checksums cross as
// they are.
package tap

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// BufferLen holds the largest frame with its virtio-net header.
const BufferLen = 68 << 10

// device is the node that the kernel makes TAPs from.
const device = "/dev/net/tun"

// ErrBusy is a write that the kernel had no room for: the packet is lost.
var ErrBusy = errors.New("tap: no room for the frame")

// ErrDown is a write to an interface that the guest has taken down, or that
// is gone.
var ErrDown = errors.New("tap: interface is down")

// Options are the properties of the interface.
type Options struct {
	Name     string // at most 15 bytes
	MAC      net.HardwareAddr
	MTU      int // bytes
	QueueLen int // frames that wait for Read, until the kernel drops
}

// Device is our end of one TAP. Read is for one goroutine; the other methods
// may be called from any.
type Device struct {
	name  string
	index int
	file  *os.File
	links *netlink.Handle

	mu     sync.RWMutex // held for reading while fd is written to
	fd     int
	closed bool
}

// Open makes the interface in ns and brings it up. It works as root, and in a
// user namespace that owns ns; the device node must be accessible.
func Open(ns netns.NsHandle, o Options) (*Device, error) {
	type result struct {
		dev *Device
		err error
	}
	done := make(chan result, 1)
	go func() {
		// Never unlocked: the thread has left its namespace and ends with the
		// goroutine.
		runtime.LockOSThread()
		dev, err := open(ns, o)
		done <- result{dev, err}
	}()
	r := <-done
	return r.dev, r.err
}

func open(ns netns.NsHandle, o Options) (*Device, error) {
	if err := netns.Set(ns); err != nil {
		return nil, fmt.Errorf("enter the namespace of interface %s: %w", o.Name, err)
	}
	fd, err := openNode()
	if err != nil {
		return nil, err
	}
	if err := create(fd, o.Name); err != nil {
		unix.Close(fd)
		return nil, err
	}
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open netlink for interface %s: %w", o.Name, err)
	}
	d := &Device{name: o.Name, fd: fd, links: links, file: os.NewFile(uintptr(fd), "tap "+o.Name)}
	if err := d.configure(o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openNode() (int, error) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nodeError(err)
	}
	return fd, nil
}

// nodeError says what to do about a device node that can't be opened.
func nodeError(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		return fmt.Errorf("open %s: %w\nhint: load the kernel's tun module: modprobe tun", device, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return fmt.Errorf("open %s: %w\nhint: run as root, or let everybody open it: chmod 666 %s", device, err, device)
	}
	return fmt.Errorf("open %s: %w", device, err)
}

func create(fd int, name string) error {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("create interface %q: name must have 1 to 15 bytes", name)
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		if errors.Is(err, unix.EPERM) {
			return fmt.Errorf("create interface %s: %w\nhint: run as root, or in a user namespace that owns the network namespace", name, err)
		}
		return fmt.Errorf("create interface %s: %w", name, err)
	}
	set := func(flags int) error { return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, flags) }
	if err := setOffloads(set); err != nil {
		return fmt.Errorf("enable offloads of interface %s: %w", name, err)
	}
	return nil
}

func (d *Device) configure(o Options) error {
	link, err := d.links.LinkByName(o.Name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", o.Name, err)
	}
	d.index = link.Attrs().Index
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"MAC", func() error { return d.links.LinkSetHardwareAddr(link, o.MAC) }},
		{"MTU", func() error { return d.links.LinkSetMTU(link, o.MTU) }},
		{"queue length", func() error { return d.links.LinkSetTxQLen(link, o.QueueLen) }},
		{"state", func() error { return d.links.LinkSetUp(link) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("set %s of interface %s: %w", step.what, o.Name, err)
		}
	}
	return nil
}

// Read waits for the next frame of the guest, its virtio-net header in front.
// buf should have BufferLen bytes. After Close it returns os.ErrClosed.
func (d *Device) Read(buf []byte) (int, error) { return d.file.Read(buf) }

// Write hands a frame, its virtio-net header in front, to the guest. It
// doesn't wait: ErrBusy and ErrDown say why the frame is lost.
func (d *Device) Write(buf []byte) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return ErrDown
	}
	for {
		_, err := unix.Write(d.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
			return ErrBusy
		case errors.Is(err, unix.EIO), errors.Is(err, unix.EBADFD):
			return ErrDown
		default:
			return err
		}
	}
}

// SetCarrier plugs the guest's cable in or out.
func (d *Device) SetCarrier(on bool) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil
	}
	value := int32(0)
	if on {
		value = 1
	}
	// TUNSETCARRIER takes a pointer, unlike most of its family.
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), unix.TUNSETCARRIER, uintptr(unsafe.Pointer(&value)))
	if errno != 0 {
		return fmt.Errorf("set carrier of interface %s: %w", d.name, errno)
	}
	return nil
}

// State is what the kernel says of the interface.
type State struct {
	// Dropped counts the frames of the guest that the kernel threw away: the
	// queue towards Read was full, or the carrier was off.
	Dropped uint64
	// Carrier is whether the guest's kernel has taken notice of a carrier;
	// that is a moment later than SetCarrier.
	Carrier bool
}

// State reads it.
func (d *Device) State() (State, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return State{}, os.ErrClosed
	}
	link, err := d.links.LinkByIndex(d.index)
	if err != nil {
		return State{}, fmt.Errorf("read statistics of interface %s: %w", d.name, err)
	}
	a := link.Attrs()
	if a.Statistics == nil {
		return State{}, fmt.Errorf("read statistics of interface %s: the kernel gave none", d.name)
	}
	return State{Dropped: a.Statistics.TxDropped, Carrier: a.OperState != netlink.OperDown}, nil
}

// Close removes the interface.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	d.links.Close()
	return d.file.Close()
}
