package fabric

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/plane"
)

// Direction is seen from the NIC.
type Direction uint8

// The directions.
const (
	In  Direction = iota // towards the guest
	Out                  // from the guest
)

// faults are what is wrong now. A name in it is a NIC's id, a VM's id (all its
// NICs), or a public host's address, in lower case.
type faults struct {
	cut    map[sided]bool
	pairs  map[pair]bool
	udp    map[pair][]uint16
	paused map[string]bool
	down   map[string]bool
	delays map[way]time.Duration // 0 after a delay has ended: the order is kept
	loss   float64
}

// way is from one name to another.
type way struct{ from, to string }

type sided struct {
	name string
	dir  Direction
}

// pair is two names in alphabetical order.
type pair struct{ a, b string }

func pairOf(a, b string) pair {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

func newFaults() faults {
	return faults{
		cut: make(map[sided]bool), pairs: make(map[pair]bool), udp: make(map[pair][]uint16),
		paused: make(map[string]bool), down: make(map[string]bool), delays: make(map[way]time.Duration),
	}
}

// CutNIC makes a NIC (or all of a VM, or a public host) deaf and mute, or ends
// that: both directions are dropped without a sign, ARP too.
func (f *Fabric) CutNIC(name string, on bool) error {
	return f.fault("cut", []string{name}, func(fl *faults) {
		set(fl.cut, sided{strings.ToLower(name), In}, on)
		set(fl.cut, sided{strings.ToLower(name), Out}, on)
	})
}

// CutDirection is CutNIC of one direction alone.
func (f *Fabric) CutDirection(name string, dir Direction, on bool) error {
	return f.fault("cut", []string{name}, func(fl *faults) {
		set(fl.cut, sided{strings.ToLower(name), dir}, on)
	})
}

// CutPair drops all between two VMs, whichever of their NICs and addresses
// they use, public ones included. NICs and public hosts may be named as well.
func (f *Fabric) CutPair(a, b string, on bool) error {
	return f.fault("cut between", []string{a, b}, func(fl *faults) {
		set(fl.pairs, pairOf(a, b), on)
	})
}

// DropUDP drops the UDP to and from one port between two NICs, VMs or public
// hosts; all else passes.
func (f *Fabric) DropUDP(a, b string, port uint16, on bool) error {
	return f.fault("drop UDP between", []string{a, b}, func(fl *faults) {
		p := pairOf(a, b)
		rest := slices.DeleteFunc(slices.Clone(fl.udp[p]), func(q uint16) bool { return q == port })
		if on {
			rest = append(rest, port)
		}
		fl.udp[p] = rest
	})
}

// Pause freezes a VM's network as the host does with its guest: nothing gets
// in or out. Up to 256 packets per NIC and direction are kept for Resume, the
// rest is dropped. What the guest has sent counts as still inside it.
func (f *Fabric) Pause(vm string) error {
	return f.fault("pause", []string{vm}, func(fl *faults) { fl.paused[strings.ToLower(vm)] = true })
}

// Resume ends Pause: what was kept goes its way, first what the guest sent.
func (f *Fabric) Resume(vm string) error {
	return f.fault("resume", []string{vm}, func(fl *faults) { delete(fl.paused, strings.ToLower(vm)) })
}

// LinkDown takes the carrier off all NICs of a VM: the guest sees its links
// down, and nothing passes.
func (f *Fabric) LinkDown(vm string) error {
	return f.fault("take the links down of", []string{vm}, func(fl *faults) { fl.down[strings.ToLower(vm)] = true })
}

// LinkUp ends LinkDown.
func (f *Fabric) LinkUp(vm string) error {
	return f.fault("take the links up of", []string{vm}, func(fl *faults) { delete(fl.down, strings.ToLower(vm)) })
}

// Delay adds d to each packet between two VMs, NICs or public hosts, in each
// direction; 0 ends it. Of several delays that concern two NICs (by NIC, by
// VM) the longest counts. Packets come up to a millisecond later than that, as
// this is what the runtime's timers are good for.
func (f *Fabric) Delay(a, b string, d time.Duration) error {
	if err := f.DelayWay(a, b, d); err != nil {
		return err
	}
	return f.DelayWay(b, a, d)
}

// DelayWay is Delay of one direction alone.
func (f *Fabric) DelayWay(from, to string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("delay from %s to %s: %s is less than nothing", from, to, d)
	}
	return f.fault("delay between", []string{from, to}, func(fl *faults) {
		fl.delays[way{strings.ToLower(from), strings.ToLower(to)}] = d
	})
}

// Loss drops each IPv4 packet with probability p; 0 ends it.
func (f *Fabric) Loss(p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("loss of %v: want a probability from 0 to 1", p)
	}
	return f.fault("loss", nil, func(fl *faults) { fl.loss = p })
}

// Heal ends all faults.
func (f *Fabric) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	healed := newFaults()
	for way := range f.faults.delays {
		healed.delays[way] = 0
	}
	f.faults = healed
	f.rebuild()
	f.applyFaults()
}

// fault changes the faults after a check of the names that it is about.
func (f *Fabric) fault(what string, names []string, change func(*faults)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		if !f.knows(strings.ToLower(name)) {
			return fmt.Errorf("%s %s: %w", what, name, ErrUnknown)
		}
	}
	change(&f.faults)
	f.rebuild()
	f.applyFaults()
	return nil
}

func (f *Fabric) knows(name string) bool {
	if f.find(name) != nil {
		return true
	}
	return slices.ContainsFunc(f.plane.NICs, func(n plane.NIC) bool {
		return strings.ToLower(n.ID) == name || n.VM != "" && strings.ToLower(n.VM) == name
	})
}

// applyFaults brings holds and carriers in line with the faults; f.mu is held
// and the view is published.
func (f *Fabric) applyFaults() {
	vms := vmNames(f.plane)
	for _, p := range f.ports {
		if p == nil {
			continue
		}
		if down := concerns(f.faults.down, p.name, vms[p.name]); down != p.linkDown {
			p.readKernel()
			p.linkDown = down
			p.kernel.carrier(down)
			if err := p.dev.SetCarrier(!down); err != nil {
				f.log.Warn("carrier not set", "nic", p.name, "error", err)
			}
		}
		if concerns(f.faults.paused, p.name, vms[p.name]) {
			p.in.start()
			p.out.start()
			continue
		}
		p.out.release(func(buf []byte) { f.forward(p, buf) })
		p.in.release(func(buf []byte) { f.write(p, buf) })
	}
}

// compileFaults fills into the ends what the faults do to them.
func (v *view) compileFaults(p *plane.Plane, fl *faults) {
	vms := vmNames(p)
	for _, e := range v.ends {
		if e == nil {
			continue
		}
		name, vm := e.port.name, vms[e.port.name]
		e.cutIn = fl.cut[sided{name, In}] || vm != "" && fl.cut[sided{vm, In}]
		e.cutOut = fl.cut[sided{name, Out}] || vm != "" && fl.cut[sided{vm, Out}]
		e.down = concerns(fl.down, name, vm)
		if len(fl.pairs)+len(fl.udp)+len(fl.delays) == 0 {
			continue
		}
		e.paths = make([]path, len(v.ends))
		for i, to := range v.ends {
			if to != nil {
				e.paths[i] = fl.between(names(name, vm), names(to.port.name, vms[to.port.name]))
			}
		}
	}
}

// between merges all faults of the pairs that the two ends are.
func (fl *faults) between(from, to []string) (w path) {
	for _, a := range from {
		for _, b := range to {
			p := pairOf(a, b)
			w.cut = w.cut || fl.pairs[p]
			w.udp = append(w.udp, fl.udp[p]...)
			if d, ok := fl.delays[way{a, b}]; ok {
				w.delayed = true
				w.delay = max(w.delay, d)
			}
		}
	}
	return w
}

func names(name, vm string) []string {
	if vm == "" {
		return []string{name}
	}
	return []string{name, vm}
}

func concerns(m map[string]bool, name, vm string) bool { return m[name] || vm != "" && m[vm] }

// vmNames says which VM a NIC belongs to.
func vmNames(p *plane.Plane) map[string]string {
	vms := make(map[string]string, len(p.NICs))
	for i := range p.NICs {
		vms[strings.ToLower(p.NICs[i].ID)] = strings.ToLower(p.NICs[i].VM)
	}
	return vms
}

func set[K comparable](m map[K]bool, k K, on bool) {
	if on {
		m[k] = true
		return
	}
	delete(m, k)
}
