// Package tunnel is one WireGuard device: the kernel's where it has one, else
// wireguard-go on a TUN in a process of its own, as that would hold up every
// timer beside it (dataplane.md section 6). Both are configured in one way.
//
// A device ends with its process: Close takes it away, and a wireguard-go whose
// parent has died ends by itself. One of the kernel's outlives a killed parent;
// Remove clears it.
//
// A Device belongs to the network namespace in which it was opened. Its methods
// may be called from any goroutine.
package tunnel

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// MTU is the one that fits into an outer packet of 1500 bytes over IPv6 as well.
const MTU = 1420

// Config says what to open. Where wireguard-go is needed, Program and Name are
// the command line of a process that calls Serve.
type Config struct {
	Name       string
	PrivateKey Key
	ListenPort int // 0: the kernel chooses
	MTU        int // 0: MTU
	Program    []string
}

// ErrTaken is wrapped by Open's error if the name is in use: by an interface, or
// by a wireguard-go in another network namespace that shares our /var/run.
var ErrTaken = errors.New("the name of the device is taken")

// Device is an open device, up.
type Device struct {
	name   string
	link   netlink.Link
	own    Key // public
	kernel bool
	child  *process // of wireguard-go
	links  *netlink.Handle
	wg     *wgctrl.Client
	done   chan struct{}

	mu     sync.Mutex
	peers  map[Key]Peer // as last set
	unsure bool         // a Set has failed halfway
}

// Open makes the device, sets its key, port and MTU, and brings it up. Addresses
// and routes are the caller's business.
func Open(cfg Config) (*Device, error) {
	if err := checkName(cfg.Name); err != nil {
		return nil, err
	}
	d := &Device{name: cfg.Name, own: cfg.PrivateKey.Public(), done: make(chan struct{}), peers: map[Key]Peer{}}
	err := d.open(cfg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("device %s: %w", cfg.Name, err), d.Close())
	}
	return d, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 15 || strings.ContainsAny(name, "/ :%") || name == "." || name == ".." {
		return fmt.Errorf("%q is not the name of a network interface", name)
	}
	return nil
}

func (d *Device) open(cfg Config) (err error) {
	if d.links, err = netlink.NewHandle(); err != nil {
		return err
	}
	if err = d.create(cfg.Program); err != nil {
		return err
	}
	if d.link, err = d.links.LinkByName(d.name); err != nil {
		return err
	}
	mtu := cfg.MTU
	if mtu == 0 {
		mtu = MTU
	}
	if err = d.links.LinkSetMTU(d.link, mtu); err != nil {
		return fmt.Errorf("set its mtu to %d: %w", mtu, err)
	}
	if d.wg, err = wgctrl.New(); err != nil {
		return err
	}
	key := wgtypes.Key(cfg.PrivateKey)
	if err = d.wg.ConfigureDevice(d.name, wgtypes.Config{PrivateKey: &key, ListenPort: &cfg.ListenPort}); err != nil {
		return portTaken(cfg.ListenPort, err)
	}
	if err = d.links.LinkSetUp(d.link); err != nil {
		return portTaken(cfg.ListenPort, err)
	}
	return nil
}

// portTaken names the reason that is likely: wireguard-go tells it as a number in
// a text only.
func portTaken(port int, err error) error {
	if errors.Is(err, unix.EADDRINUSE) || strings.Contains(err.Error(), fmt.Sprintf("errno=-%d", int(unix.EADDRINUSE))) {
		return fmt.Errorf("udp port %d is in use: %w", port, err)
	}
	return fmt.Errorf("set its key and port: %w", err)
}

// create makes the interface: the kernel's, else wireguard-go's.
func (d *Device) create(program []string) error {
	err := d.links.LinkAdd(&netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: d.name}})
	switch {
	case err == nil:
		d.kernel = true
		return nil
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w: there is an interface of that name", ErrTaken)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w\nhint: run as root or with CAP_NET_ADMIN", err)
	case !errors.Is(err, unix.EOPNOTSUPP):
		return err
	case len(program) == 0:
		return fmt.Errorf("the kernel has no WireGuard, and no program is given to stand in: %w\nhint: modprobe wireguard", err)
	}
	child, err := start(program, d.name)
	if err != nil {
		return err
	}
	d.child = child
	go func() {
		<-child.ended
		close(d.done)
	}()
	return nil
}

// Name is the interface's name.
func (d *Device) Name() string { return d.name }

// Link is the interface as it was when it was opened.
func (d *Device) Link() netlink.Link { return d.link }

// Index is the interface's index.
func (d *Device) Index() int { return d.link.Attrs().Index }

// Kernel reports whether the device is the kernel's own.
func (d *Device) Kernel() bool { return d.kernel }

// Done is closed when the device has ended: after Close, or because wireguard-go's
// process has died. Its interface, addresses and routes are gone then.
func (d *Device) Done() <-chan struct{} { return d.done }

// Close takes the device away. It may be called again.
func (d *Device) Close() (err error) {
	if d.child != nil { // before the lock: it may be what somebody waits for
		err = d.child.stop()
		<-d.done
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kernel {
		select {
		case <-d.done:
		default:
			err = d.links.LinkDel(&netlink.Wireguard{LinkAttrs: netlink.LinkAttrs{Name: d.name}})
			close(d.done)
		}
	}
	if d.wg != nil {
		err = errors.Join(err, d.wg.Close())
		d.wg = nil
	}
	if d.links != nil {
		d.links.Close()
		d.links = nil
	}
	if err != nil {
		return fmt.Errorf("close device %s: %w", d.name, err)
	}
	return nil
}

// Remove takes away a device that a killed process has left behind. One that
// isn't there is no error; an interface of another kind is one.
func Remove(name string) error {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err == nil && link.Type() != "wireguard" && link.Type() != "tuntap" {
		err = fmt.Errorf("%w: it is a %s", ErrTaken, link.Type())
	}
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("remove device %s: %w", name, err)
	}
	return nil
}
