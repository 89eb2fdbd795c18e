package fabric

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netns"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/nsg"
	"releve.dev/releve/lab/fabric/tap"
)

// mtu is that of Azure's virtual networks, in bytes.
const mtu = 1500

// ErrUnknown is a NIC, VM or host that neither the plane nor the fabric has.
var ErrUnknown = errors.New("unknown to the fabric")

// ErrClosed is a call after Close.
var ErrClosed = errors.New("fabric is closed")

// device is our end of a guest's interface, as tap.Device is it: Read gives the
// guest's frames, Write gives it one, each behind a virtio-net header.
type device interface {
	Read(buf []byte) (int, error)
	Write(buf []byte) error
	SetCarrier(on bool) error
	State() (tap.State, error)
	Close() error
}

var _ device = (*tap.Device)(nil)

// port is one attached interface: a NIC's or a public host's.
type port struct {
	index  int
	name   string // NIC id, or the public host's address
	public netip.Addr
	mac    [6]byte
	dev    device
	flows  nsg.Flows
	in     hold // towards the guest
	out    hold // from the guest
	count  counters

	linkDown bool        // the carrier is off; guarded by Fabric.mu
	kernel   kernelDrops // guarded by Fabric.mu
}

// AttachNIC makes interface ifname in the namespace ns and connects it as the
// NIC with that resource id, which the plane must have: the interface gets its
// MAC, which it keeps, and MTU 1500, and is brought up. Addresses and routes in
// the guest are the caller's business. A NIC is attached once at a time. ns may
// be closed afterwards.
func (f *Fabric) AttachNIC(ns netns.NsHandle, ifname, nicID string) error {
	id := strings.ToLower(nicID)
	f.mu.Lock()
	defer f.mu.Unlock()
	nic := findNIC(f.plane, id)
	if nic == nil {
		return fmt.Errorf("attach %s as %s: NIC is %w\nhint: publish the plane that has it first", ifname, nicID, ErrUnknown)
	}
	if len(nic.MAC) != 6 {
		return fmt.Errorf("attach %s as %s: NIC has no MAC address of 6 bytes", ifname, nicID)
	}
	return f.attach(ns, ifname, &port{name: id, mac: [6]byte(nic.MAC)})
}

// AttachPublic makes interface ifname in the namespace ns and connects it as a
// host on the Internet with that one address: no VNet, no security group. The
// host's own way to everybody is any next hop on the interface.
func (f *Fabric) AttachPublic(ns netns.NsHandle, ifname string, addr netip.Addr) error {
	if !addr.Is4() {
		return fmt.Errorf("attach %s as host %s: only IPv4 is supported", ifname, addr)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attach(ns, ifname, &port{name: addr.String(), public: addr, mac: publicMAC(addr)})
}

func (f *Fabric) attach(ns netns.NsHandle, ifname string, p *port) error {
	if f.closed {
		return fmt.Errorf("attach %s: %w", ifname, ErrClosed)
	}
	if f.find(p.name) != nil {
		return fmt.Errorf("attach %s as %s: already attached", ifname, p.name)
	}
	dev, err := tap.Open(ns, tap.Options{
		Name: ifname, MAC: net.HardwareAddr(p.mac[:]), MTU: mtu, QueueLen: f.queueLen,
	})
	if err != nil {
		return fmt.Errorf("attach %s: %w", p.name, err)
	}
	p.dev = dev
	f.connect(p)
	f.log.Debug("interface attached", "interface", ifname, "nic", p.name)
	return nil
}

// connect makes a port with its device part of the network; f.mu is held.
func (f *Fabric) connect(p *port) {
	p.index = f.freeIndex()
	f.ports[p.index] = p
	f.rebuild()
	f.applyFaults()
	f.running.Go(func() { f.serve(p) })
}

// Detach removes the interface of a NIC (by its id) or of a public host (by
// its address).
func (f *Fabric) Detach(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.find(strings.ToLower(name))
	if p == nil {
		return fmt.Errorf("detach %s: %w", name, ErrUnknown)
	}
	f.detached += p.overload()
	f.closePort(p)
	f.ports[p.index] = nil
	f.rebuild()
	return nil
}

func (f *Fabric) closePort(p *port) {
	if err := p.dev.Close(); err != nil {
		f.log.Warn("interface not closed", "nic", p.name, "error", err)
	}
}

func (f *Fabric) find(name string) *port {
	for _, p := range f.ports {
		if p != nil && p.name == name {
			return p
		}
	}
	return nil
}

func (f *Fabric) freeIndex() int {
	for i, p := range f.ports {
		if p == nil {
			return i
		}
	}
	f.ports = append(f.ports, nil)
	return len(f.ports) - 1
}

// serve reads the guest's frames until the port is closed.
func (f *Fabric) serve(p *port) {
	buf := make([]byte, tap.BufferLen)
	for {
		n, err := p.dev.Read(buf)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				f.log.Error("interface not readable", "nic", p.name, "error", err)
			}
			return
		}
		f.accept(p, buf[:n])
	}
}

func findNIC(p *plane.Plane, id string) *plane.NIC {
	for i := range p.NICs {
		if strings.ToLower(p.NICs[i].ID) == id {
			return &p.NICs[i]
		}
	}
	return nil
}

// publicMAC is a locally administered address (IEEE 802) that is always the
// same for a host.
func publicMAC(addr netip.Addr) [6]byte {
	sum := sha256.Sum256([]byte(addr.String()))
	sum[0] = sum[0]&^1 | 2
	return [6]byte(sum[:6])
}
