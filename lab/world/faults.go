package world

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/fabric"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Fault is a kind of thing that can go wrong at a node.
type Fault struct {
	Kind  string
	Line  string // what it is, for lists
	Nodes []string
	Cloud bool // only in a lab with the cloud

	do func(*World, string) (undo func() error, err error)
}

var (
	vsockets = []string{Primary, Secondary}
	pops     = []string{PoP1, PoP2}
)

// Faults lists what `releve lab fault` can do.
var Faults = []Fault{
	{"crash", "the VM is gone: links down, processes killed", vsockets, false, (*World).crash},
	{"reboot", "a crash, and the VM is back 20 s later", vsockets, false, (*World).reboot},
	{"stop", "the agent is told to stop", vsockets, false, (*World).stopAgent},
	{"kill", "the agent alone is killed; the VM stays", vsockets, false, (*World).killAgent},
	{"freeze", "the VM stands still: its processes and its forwarding", vsockets, false, (*World).freeze},
	{"wan-cut", "nothing passes its WAN NIC", vsockets, false, cutNIC(azuresite.WAN)},
	{"lan-cut", "nothing passes its LAN NIC", vsockets, false, cutNIC(azuresite.LAN)},
	{"mgmt-cut", "nothing passes its MGMT NIC, so neither does ARM", vsockets, false, cutNIC(azuresite.MGMT)},
	{"keepalive-cut", "keepalives between the LAN NICs are dropped, all else passes", vsockets, false, (*World).cutKeepalive},
	{"peer-cut", "nothing passes between the two vSockets on any path", vsockets, false, (*World).cutPeers},
	{"lan-cut-in", "nothing comes in by its LAN NIC; what it sends passes", vsockets, false, cutWay(azuresite.LAN, fabric.In)},
	{"lan-cut-out", "nothing goes out by its LAN NIC; what is sent to it passes", vsockets, false, cutWay(azuresite.LAN, fabric.Out)},
	{"wan-cut-in", "nothing comes in by its WAN NIC; what it sends passes", vsockets, false, cutWay(azuresite.WAN, fabric.In)},
	{"wan-cut-out", "nothing goes out by its WAN NIC; what is sent to it passes", vsockets, false, cutWay(azuresite.WAN, fabric.Out)},
	{"silent", "ARM takes requests and never answers", []string{Azure}, false, (*World).silent},
	{"throttled", "ARM answers 429 with Retry-After", []string{Azure}, false, (*World).throttled},
	{"denied", "the vSockets' role is taken away", []string{Azure}, false, (*World).denied},

	{"tunnel-cut", "the UDP of its tunnel is dropped, to whichever PoP it leads", vsockets, true, (*World).cutTunnel},
	{"pop-cut", "nothing passes between it and any PoP", vsockets, true, (*World).cutPoP},
	{"witness-late", "what any PoP sends to it comes 3 s late", vsockets, true, (*World).lateWitness},
	{"crash", "the PoP's VM is gone: link down, processes killed", pops, true, (*World).crash},
	{"kill", "the PoP's program alone is killed; the VM stays", pops, true, (*World).killAgent},
	{"restart", "the PoP's program is told to stop, and started again", pops, true, (*World).restart},

	{"crash", "the manager's VM is gone: link down, processes killed", []string{Manager}, false, (*World).crash},
	{"kill", "the manager's program alone is killed; the VM stays", []string{Manager}, false, (*World).killAgent},
}

// FindFault looks a fault up and says what there is if it isn't there.
func FindFault(node, kind string) (*Fault, error) {
	if err := CheckNode(node); err != nil {
		return nil, err
	}
	var here []string
	for i := range Faults {
		if !slices.Contains(Faults[i].Nodes, node) {
			continue
		}
		if Faults[i].Kind == kind {
			return &Faults[i], nil
		}
		here = append(here, Faults[i].Kind)
	}
	if len(here) == 0 {
		return nil, fmt.Errorf("node %s has no faults\nhint: see: releve lab list", node)
	}
	return nil, fmt.Errorf("fault %q is %w at node %s\nhint: one of %s", kind, ErrUnknown, node, strings.Join(here, ", "))
}

// act is a fault at a node.
type act struct{ node, kind string }

// Fault makes something go wrong, until Mend or Heal.
func (w *World) Fault(_ context.Context, node, kind string) error {
	fault, err := FindFault(node, kind)
	if err != nil {
		return err
	}
	if fault.Cloud && !w.opt.Cloud {
		return fmt.Errorf("fault %s is of a lab with the cloud\nhint: --cloud", kind)
	}
	if _, err := w.Host(node); err != nil {
		return err
	}
	w.acting.Lock()
	defer w.acting.Unlock()
	key := act{node, kind}
	w.mu.Lock()
	_, on := w.faults[key]
	w.mu.Unlock()
	if on {
		return fmt.Errorf("fault %s is already on at %s\nhint: releve lab heal", kind, node)
	}
	w.began(report.Fault{At: clock.Now(), Node: node, Kind: kind}, report.WhatFault, node+" "+kind)
	undo, err := fault.do(w, node)
	if err != nil {
		return fmt.Errorf("fault %s at %s: %w", kind, node, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[key] = undo
	return nil
}

// began keeps an act for the report before it has its effect: what follows is
// measured from here.
func (w *World) began(f report.Fault, what, detail string) {
	w.mu.Lock()
	w.history = append(w.history, f)
	w.mu.Unlock()
	w.Note(what, detail)
}

// Mend ends one fault. Unlike Heal it is a part of the story: moves after it
// are no failback.
func (w *World) Mend(node, kind string) error {
	w.acting.Lock()
	defer w.acting.Unlock()
	w.Note("mended", node+" "+kind)
	return w.undo(act{node, kind})
}

func (w *World) undo(key act) error {
	w.mu.Lock()
	undo := w.faults[key]
	delete(w.faults, key)
	w.mu.Unlock()
	if undo == nil {
		return nil
	}
	if err := undo(); err != nil {
		return fmt.Errorf("end of %s at %s: %w", key.kind, key.node, err)
	}
	return nil
}

// Heal ends all faults: VMs that are gone are booted, agents that ended are
// started.
func (w *World) Heal(context.Context) error {
	w.acting.Lock()
	defer w.acting.Unlock()
	now := clock.Now()
	w.mu.Lock()
	keys := make([]act, 0, len(w.faults))
	for key := range w.faults {
		keys = append(keys, key)
	}
	w.mu.Unlock()
	w.began(report.Fault{At: now, Heal: true, Kind: "heal"}, report.WhatHeal, "all faults end")
	var failed []error
	for _, key := range keys {
		failed = append(failed, w.undo(key))
	}
	w.fabric.Heal()
	for _, p := range w.all() {
		failed = append(failed, p.run())
	}
	return errors.Join(failed...)
}

// Active lists the faults that are on, as "node kind".
func (w *World) Active() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := []string{}
	for key := range w.faults {
		list = append(list, key.node+" "+key.kind)
	}
	slices.Sort(list)
	return list
}

func (w *World) vmID(node string) string {
	return azuresite.PlaneID(w.layout.VMID("vsocket-" + node))
}

// side is that of a vSocket of the pair.
func (w *World) side(node string) site.Side {
	if node == Secondary {
		return site.Secondary
	}
	return site.Primary
}

// crash cuts first, all NICs at one moment; then the guest's kernel loses them.
func (w *World) crash(node string) (func() error, error) {
	if v := w.at(node); v != nil {
		return w.crashVM(v)
	}
	vm, nics := w.machine(node)
	if err := w.fabric.CutNIC(vm, true); err != nil {
		return nil, err
	}
	for _, p := range w.on(node) {
		p.kill()
	}
	if err := w.signalAll(node, unix.SIGKILL); err != nil {
		return nil, err
	}
	for _, nic := range nics {
		if err := w.fabric.Detach(nic); err != nil {
			return nil, err
		}
	}
	return func() error { return w.boot(node) }, nil
}

// machine is what the fabric calls a node, and its interfaces.
func (w *World) machine(node string) (vm string, nics []string) {
	if addr, ok := publicHosts[node]; ok {
		return addr.String(), []string{addr.String()}
	}
	for _, iface := range azuresite.Interfaces {
		nics = append(nics, w.layout.NICID(azuresite.VM(w.side(node)), iface))
	}
	return w.vmID(node), nics
}

// boot brings a crashed VM back as Azure would: a kernel that remembers
// nothing, the same NICs, the same disk.
func (w *World) boot(node string) error {
	if addr, ok := publicHosts[node]; ok {
		if err := w.bootPublic(node, addr); err != nil {
			return err
		}
	} else if err := w.bootVSocket(w.side(node)); err != nil {
		return err
	}
	vm, _ := w.machine(node)
	if err := w.fabric.CutNIC(vm, false); err != nil {
		return err
	}
	var failed []error
	for _, p := range w.on(node) {
		failed = append(failed, p.run())
	}
	return errors.Join(failed...)
}

// rebootTime is how long a rebooting VM is away.
const rebootTime = 20 * time.Second

func (w *World) reboot(node string) (func() error, error) {
	if _, err := w.crash(node); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(rebootTime, func() {
		if w.life.Err() != nil {
			return
		}
		if err := w.Mend(node, "reboot"); err != nil {
			w.log.Error("reboot failed", "node", node, "error", err)
		}
	})
	return func() error {
		timer.Stop()
		return w.boot(node)
	}, nil
}

// stopTime bounds a clean stop: the peer takes over first, which Azure may
// make long.
const stopTime = 6 * time.Minute

// stopAgent doesn't wait for the end: the faulty state is the stopping.
func (w *World) stopAgent(node string) (func() error, error) {
	p := w.programs[node]
	p.signal(unix.SIGTERM, false)
	return func() error {
		ctx, cancel := context.WithTimeout(w.life, stopTime)
		defer cancel()
		if err := p.stop(ctx); err != nil {
			return err
		}
		return p.run()
	}, nil
}

func (w *World) killAgent(node string) (func() error, error) {
	p := w.programs[node]
	p.kill()
	return p.run, nil
}

func (w *World) freeze(node string) (func() error, error) {
	if err := w.fabric.Pause(w.vmID(node)); err != nil {
		return nil, err
	}
	if err := w.signalAll(node, unix.SIGSTOP); err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(w.signalAll(node, unix.SIGCONT), w.fabric.Resume(w.vmID(node)))
	}, nil
}

func cutNIC(iface string) func(*World, string) (func() error, error) {
	return func(w *World, node string) (func() error, error) {
		id := w.layout.NICID(azuresite.VM(w.side(node)), iface)
		return toggle(func(on bool) error { return w.fabric.CutNIC(id, on) })
	}
}

func cutWay(iface string, dir fabric.Direction) func(*World, string) (func() error, error) {
	return func(w *World, node string) (func() error, error) {
		id := w.layout.NICID(azuresite.VM(w.side(node)), iface)
		return toggle(func(on bool) error { return w.fabric.CutDirection(id, dir, on) })
	}
}

// toggle switches a fault of the fabric on, and gives what switches it off.
func toggle(set func(on bool) error) (func() error, error) {
	return func() error { return set(false) }, set(true)
}

func (w *World) cutKeepalive(string) (func() error, error) {
	a, b := w.layout.LANNIC(site.Primary), w.layout.LANNIC(site.Secondary)
	return toggle(func(on bool) error { return w.fabric.DropUDP(a, b, keepalive.Port, on) })
}

func (w *World) cutPeers(string) (func() error, error) {
	return toggle(func(on bool) error { return w.fabric.CutPair(w.vmID(Primary), w.vmID(Secondary), on) })
}

func (w *World) inject(f store.Fault) (func() error, error) {
	id, err := w.azure.Inject(f)
	return func() error {
		w.azure.Clear(id)
		return nil
	}, err
}

func (w *World) silent(string) (func() error, error) {
	return w.inject(store.Fault{Kind: store.FaultSilent})
}

// throttleTime is what a throttled ARM asks its clients to wait.
const throttleTime = 5 * time.Second

func (w *World) throttled(string) (func() error, error) {
	return w.inject(store.Fault{Kind: store.FaultThrottle, RetryAfter: store.Span(throttleTime)})
}

// denied takes the role assignments away, as somebody who tidies up would.
func (w *World) denied(string) (func() error, error) {
	for _, id := range w.layout.Assignments() {
		answer := w.azure.Do(http.MethodDelete, id+"?api-version=2022-04-01", "", "")
		if answer.Status >= 300 {
			return nil, fmt.Errorf("take the role away: %d %s", answer.Status, answer.Code)
		}
	}
	return func() error { return w.place(w.layout.Roles(w.principal)) }, nil
}
