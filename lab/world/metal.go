package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/machine"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/site"
)

// metal is the host of the emulated Azure's VMs: it does with machines what Azure
// tells (store.MachineEvent).
type metal struct {
	w *World

	mu    sync.Mutex
	vms   map[string]*vm // by resource id, in lower case
	times []GuestTime
}

func newMetal(w *World) *metal { return &metal{w: w, vms: map[string]*vm{}} }

// vm is one VM. What Azure tells of it is done one by one; a fault comes in between.
type vm struct {
	node    string
	waiting chan struct{}

	mu     sync.Mutex
	events []store.MachineEvent

	acting  sync.Mutex // a boot or an end at a time
	is      store.Machine
	machine *machine.Machine
	stop    func() // ends what the lab serves in it
}

// nodeOf is what the lab calls a VM: vSockets by their side, as everywhere.
func nodeOf(name string) string {
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		if strings.EqualFold(name, azuresite.VM(side)) {
			return side.String()
		}
	}
	return strings.ToLower(name)
}

// tell takes an event; it never waits.
func (m *metal) tell(e store.MachineEvent) {
	m.mu.Lock()
	key := strings.ToLower(e.VM.ID)
	v := m.vms[key]
	if v == nil {
		v = &vm{node: nodeOf(e.VM.Name), waiting: make(chan struct{}, 1)}
		m.vms[key] = v
		go m.serve(v)
	}
	m.mu.Unlock()
	v.mu.Lock()
	v.events = append(v.events, e)
	v.mu.Unlock()
	select {
	case v.waiting <- struct{}{}:
	default: // it looks anyhow
	}
}

// serve does what Azure tells of a VM until the lab ends.
func (m *metal) serve(v *vm) {
	for {
		select {
		case <-v.waiting:
		case <-m.w.life.Done():
			return
		}
		for e := v.next(); e != nil; e = v.next() {
			done := m.begins(v.node, e.Kind)
			err := m.do(v, e)
			done()
			if err != nil {
				m.w.log.Error("a VM didn't do what Azure tells", "vm", e.VM.Name, "what", e.Kind, "error", err)
				m.w.Note("vm failed", fmt.Sprintf("%s %s: %v", v.node, e.Kind, err))
			}
		}
	}
}

func (v *vm) next() *store.MachineEvent {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.events) == 0 {
		return nil
	}
	e := v.events[0]
	v.events = v.events[1:]
	return &e
}

// Bounds of Azure's own: how long a boot may take, and a script (Azure's "Custom Script
// Extension Version 2": 90 minutes).
const (
	bootTime   = 20 * time.Minute
	offTime    = 5 * time.Minute
	scriptTime = 90 * time.Minute
)

func (m *metal) do(v *vm, e *store.MachineEvent) error {
	switch e.Kind {
	case store.MachineBoot:
		return m.boot(v, e.VM)
	case store.MachineRestart:
		return errors.Join(m.off(v), m.boot(v, e.VM))
	case store.MachineStop:
		return m.off(v)
	case store.MachineDelete:
		return m.remove(v)
	case store.MachineScript:
		return m.script(v, e.Script)
	}
	return fmt.Errorf("the lab's VMs don't know %q", e.Kind)
}

func (m *metal) boot(v *vm, is store.Machine) error {
	v.acting.Lock()
	v.is = is
	err := m.up(v)
	v.acting.Unlock()
	if err == nil {
		m.w.azure.Booted(is.ID)
	}
	return err
}

// up brings a VM up: a kernel that remembers nothing, its NICs, its disk. Who calls it
// holds v.acting.
func (m *metal) up(v *vm) error {
	if v.machine != nil && v.machine.Running() {
		return nil
	}
	m.clear(v)
	if err := m.w.Await(m.w.life, "Azure's network knows the NICs of "+v.node, bootTime, func(context.Context) bool { return m.known(v.is.NICs) }); err != nil {
		return err
	}
	if v.machine == nil {
		spec, err := m.spec(v.is)
		if err != nil {
			return err
		}
		v.machine = machine.New(spec)
	}
	host, err := m.w.newHost(v.node)
	if err != nil {
		return err
	}
	if err := m.attach(v, host); err != nil {
		return err
	}
	if v.stop, err = m.w.serveGuest(host, v.is.ID); err != nil {
		return err
	}
	m.w.Note("vm boots", v.node)
	ctx, cancel := context.WithTimeout(m.w.life, bootTime)
	defer cancel()
	return v.machine.Boot(ctx, host)
}

// known reports whether all NICs have reached the data plane, which ARM is ahead of.
func (m *metal) known(nics []store.MachineNIC) bool {
	is := map[string]bool{}
	for _, n := range m.w.azure.Plane().NICs {
		is[strings.ToLower(n.ID)] = true
	}
	for _, n := range nics {
		if !is[strings.ToLower(n.ID)] {
			return false
		}
	}
	return true
}

// spec is what a VM is to be.
func (m *metal) spec(is store.Machine) (machine.Spec, error) {
	program, err := room.Program()
	if err != nil {
		return machine.Spec{}, err
	}
	s := machine.Spec{Dir: filepath.Join(m.w.dir, "machines", strings.ToLower(is.Name)), Program: program, Hostname: is.ComputerName,
		Instance: is.Name, UserData: is.CustomData, Roots: m.w.azure.CA()}
	if s.Hostname == "" {
		s.Hostname = is.Name
	}
	if strings.Contains(strings.ToLower(is.Image), azuresite.Image) {
		s.Packages, err = m.w.packages()
	}
	for _, n := range is.NICs {
		if !n.Primary && len(is.NICs) > 1 {
			continue
		}
		for _, server := range n.DNS {
			s.Servers = append(s.Servers, server.String())
		}
	}
	if len(s.Servers) == 0 {
		s.Servers = []string{azureDNS.String()}
	}
	return s, err
}

// attach gives a VM its interfaces, and to each what Azure's DHCP would: the primary
// configuration's address, and a way out, the primary NIC's first.
func (m *metal) attach(v *vm, host *room.Host) error {
	handle, err := host.Netlink()
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, own := range []string{imdsAddr, azureDNS.String()} {
		if err := address(handle, "lo", netip.PrefixFrom(netip.MustParseAddr(own), 32)); err != nil {
			return err
		}
	}
	for n, nic := range inOrder(v.is.NICs) {
		iface := fmt.Sprintf("eth%d", n)
		if err := m.w.fabric.AttachNIC(host.NS, iface, nic.ID); err != nil {
			return err
		}
		if !nic.Addr.IsValid() {
			continue
		}
		if err := address(handle, iface, netip.PrefixFrom(nic.Addr, nic.Subnet.Bits())); err != nil {
			return err
		}
		link, err := handle.LinkByName(iface)
		if err != nil {
			return err
		}
		if err := handle.RouteAdd(&netlink.Route{Dst: ipNet(anywhere), Gw: site.Gateway(nic.Subnet).AsSlice(), LinkIndex: link.Attrs().Index,
			Priority: 100 * (n + 1), Protocol: unix.RTPROT_DHCP}); err != nil {
			return fmt.Errorf("default route by %s of %s: %w", iface, v.node, err)
		}
	}
	return nil
}

// inOrder puts the primary NIC first.
func inOrder(nics []store.MachineNIC) []store.MachineNIC {
	var first, others []store.MachineNIC
	for _, n := range nics {
		if n.Primary {
			first = append(first, n)
		} else {
			others = append(others, n)
		}
	}
	return append(first, others...)
}

func address(handle *netlink.Handle, iface string, addr netip.Prefix) error {
	link, err := handle.LinkByName(iface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", iface, err)
	}
	if err := handle.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: addr.Addr().AsSlice(), Mask: net.CIDRMask(addr.Bits(), 32)}}); err != nil {
		return fmt.Errorf("address %s on %s: %w", addr, iface, err)
	}
	return handle.LinkSetUp(link)
}

// off shuts a VM down.
func (m *metal) off(v *vm) error {
	v.acting.Lock()
	defer v.acting.Unlock()
	if v.machine == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(m.w.life, offTime)
	defer cancel()
	err := v.machine.Shutdown(ctx)
	m.clear(v)
	m.w.Note("vm off", v.node)
	return err
}

// clear takes away what a VM that is off has had: its interfaces, and what was served
// in it. What there isn't is no matter.
func (m *metal) clear(v *vm) {
	if v.stop != nil {
		v.stop()
		v.stop = nil
	}
	for _, nic := range v.is.NICs {
		_ = m.w.fabric.Detach(nic.ID)
	}
}

func (m *metal) remove(v *vm) error {
	v.acting.Lock()
	defer v.acting.Unlock()
	if v.machine == nil {
		return nil
	}
	v.machine.Kill()
	m.clear(v)
	err := v.machine.Remove()
	v.machine = nil
	return err
}

// script runs what an extension or a run command is to, and tells Azure how it ended. A
// script that says by what it is to be run is run by that, as the agent does.
func (m *metal) script(v *vm, s *store.Script) error {
	v.acting.Lock()
	is := v.machine
	v.acting.Unlock()
	if is == nil {
		m.w.azure.ScriptDone(s.Operation, 1, "", "the VM is off")
		return errors.New("a script for a VM that is off")
	}
	ctx, cancel := context.WithTimeout(m.w.life, scriptTime)
	defer cancel()
	folder := "/var/lib/waagent/run-command"
	if s.Extension != "" {
		folder = "/var/lib/waagent/custom-script/" + filepath.Base(s.Extension)
	}
	r, err := is.Script(ctx, folder, []byte(s.Command))
	if err != nil {
		r.Exit, r.Stderr = max(1, r.Exit), r.Stderr+err.Error()
	}
	m.w.Note("vm script", fmt.Sprintf("%s: exit %d", v.node, r.Exit))
	m.w.azure.ScriptDone(s.Operation, r.Exit, r.Stdout, r.Stderr)
	return nil
}

// end kills all VMs.
func (m *metal) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.vms {
		v.acting.Lock()
		if v.machine != nil {
			v.machine.Kill()
		}
		m.clear(v)
		v.acting.Unlock()
	}
}

// at is the VM that a node is, nil if it is none.
func (w *World) at(node string) *vm {
	if w.metal == nil {
		return nil
	}
	w.metal.mu.Lock()
	defer w.metal.mu.Unlock()
	for _, v := range w.metal.vms {
		if v.node == node {
			return v
		}
	}
	return nil
}

// guestOf is the machine that a node is, nil if it is none.
func (w *World) guestOf(node string) *machine.Machine {
	v := w.at(node)
	if v == nil {
		return nil
	}
	v.acting.Lock()
	defer v.acting.Unlock()
	return v.machine
}

// Console is the file with what a VM of a bare lab has said, "" if the node is none.
func (w *World) Console(node string) string {
	if m := w.guestOf(node); m != nil {
		return m.Console()
	}
	return ""
}

// crashVM cuts first, all NICs at one moment; then the machine is gone.
func (w *World) crashVM(v *vm) (func() error, error) {
	v.acting.Lock()
	defer v.acting.Unlock()
	id := azuresite.PlaneID(v.is.ID)
	if v.machine == nil {
		return nil, fmt.Errorf("there is no VM %s yet", v.node)
	}
	if err := w.fabric.CutNIC(id, true); err != nil {
		return nil, err
	}
	v.machine.Kill()
	w.metal.clear(v)
	return func() error {
		v.acting.Lock()
		defer v.acting.Unlock()
		if err := w.fabric.CutNIC(id, false); err != nil {
			return err
		}
		return w.metal.up(v)
	}, nil
}
