package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// effect is each thing that the agent does: where a kill may come between.
// It reports whether the thing is done.
func (n *node) effect() bool {
	if n.killIn > 0 {
		if n.killIn--; n.killIn == 0 {
			n.dying = true
		}
	}
	return !n.dying
}

// Send is agent.Links.
func (n *node) Send(path keepalive.Path, datagram []byte) {
	if !n.effect() {
		return
	}
	if path == keepalive.LAN {
		n.w.promises.sends(n, datagram)
		n.w.timed.sends(n)
	}
	if path != keepalive.LAN && slip.Is(slip.OnePath) {
		return
	}
	n.w.net.send(n, path, datagram)
	n.keys.Former(datagram, func(copy []byte) { n.w.net.send(n, path, copy) })
}

// Ask is agent.Witness.
func (n *node) Ask(datagram []byte) {
	if n.effect() {
		n.w.pops[n.pop].ask(n, datagram)
	}
}

// Use is agent.Witness.
func (n *node) Use(pop int) {
	if n.effect() {
		n.w.settleOutage()
		n.w.serving.edge()
		n.pop = pop
	}
}

// Retry is agent.Witness. A tunnel that is open has no session here that could be
// renewed.
func (n *node) Retry() {}

// Serve is agent.Gate.
func (n *node) Serve(until time.Duration) error {
	if n.effect() {
		n.w.mix(1, uint64(n.side), uint64(until))
		n.w.settleOutage()
		if slip.Is(slip.GateStays) && until > n.local() {
			until += time.Hour
		}
		n.serve = until
		for _, c := range n.w.checks {
			c.serves(n, until)
		}
	}
	return nil
}

// Drain is agent.Gate.
func (n *node) Drain(until time.Duration) error {
	if n.effect() {
		n.w.mix(2, uint64(n.side), uint64(until))
		n.w.settleOutage()
		n.drain = until
		n.w.alone.drains(n, until)
	}
	return nil
}

// Down is agent.Gate.
func (n *node) Down(open bool) error {
	if n.effect() {
		n.down = open
	}
	return nil
}

// FloatingIP is agent.Guest.
func (n *node) FloatingIP(on bool) error {
	if n.effect() {
		n.guest = on
	}
	return nil
}

// Addresses is agent.Guest.
func (n *node) Addresses(list []netip.Addr) error {
	if n.effect() {
		n.addrs = list
		n.w.readdressed.guest(n)
		n.w.gates.look(n)
	}
	return nil
}

// Load is agent.Store.
func (n *node) Load() ([]byte, bool, error) { return n.record, n.record != nil, nil }

var errDisk = errors.New("state: no space left on device")

// Save is agent.Store.
func (n *node) Save(record []byte) error {
	if n.disk > 0 {
		return errDisk
	}
	if n.effect() {
		n.record = append([]byte(nil), record...)
		if state, ok := ha.DecodeState(record); ok {
			n.granted = state.Granted
		}
	}
	return nil
}

// Append is agent.Journal.
func (n *node) Append(e site.Entry) {
	if n.dying {
		return
	}
	n.w.mixText(e.What)
	if e.What == "peer boot" {
		n.w.thaws.meets(n, e.Detail)
	}
	if role, is := roles[e.What]; is {
		n.role = role
	}
	if n.w.tell != nil {
		n.w.say(n.side.String(), fmt.Sprintf("%s: %s", e.What, e.Detail))
	}
	for _, c := range n.w.checks {
		c.said(n, e.What)
	}
}

var roles = map[string]site.Role{"mute": site.Mute, "standby": site.Standby, "claiming": site.Claiming, "elect": site.Elect,
	"active": site.Active, "suspended": site.Suspended}

// Start is agent.Cloud.
func (n *node) Start(request steer.Request) {
	if !n.effect() {
		return
	}
	for _, c := range n.w.checks {
		c.calls(n, &request)
	}
	n.w.azure.start(n, &request)
}

// look is agent.Metadata.
type look struct{ n *node }

// lookTimeout is what the program gives IMDS.
const lookTimeout = time.Second

// seen is one look at IMDS.
type seen struct {
	sentAt time.Duration // local
	told   bool          // IMDS has answered
	mine   bool
	err    error
}

// Start is agent.Metadata.
func (l look) Start() {
	n := l.n
	if !n.effect() {
		return
	}
	n.looks = append(n.looks, seen{sentAt: n.local()})
	after := time.Duration(1+n.rand.IntN(4)) * time.Millisecond
	if n.imds > 0 {
		after = lookTimeout
	}
	n.w.put(happening{at: n.w.now + after, what: metadata, node: uint8(n.side), life: n.life, index: len(n.looks) - 1})
}

var errMetadata = errors.New("imds: no answer")

// looked brings the answer: what the data plane was when IMDS looked.
func (n *node) looked(h happening) {
	if h.life != n.life {
		return
	}
	s := &n.looks[h.index]
	if !s.told {
		s.told, s.mine = true, n.w.azure.lists(n)
		if n.imds > 0 {
			s.err = errMetadata
		}
	}
	if n.wait(h) {
		return
	}
	n.w.mix(3, uint64(n.side))
	if s.err == nil {
		n.w.leases.looked(n, s.sentAt, s.mine)
	}
	n.enter(func(now time.Duration) { n.driver.MetadataRead(now, s.sentAt, s.mine, s.err) })
	if s.err == nil {
		n.w.alone.looked(n, s.mine)
	}
}

// reprobe: what the probes say may have changed, so some readings are made.
func (n *node) reprobe() {
	const readings = 10 // more than fitness.Config wants either way
	for kind := range n.probing {
		if n.probing[kind] == 0 {
			n.w.put(happening{at: n.w.now + time.Millisecond, what: probes, node: uint8(n.side), index: kind})
		}
		n.probing[kind] = readings
	}
}

// probeInterval is the program's default.
const probeInterval = 250 * time.Millisecond

// probe makes one reading.
func (n *node) probe(h happening) {
	kind := fitness.Kind(h.index)
	if n.still == "" && n.unanswered == 0 {
		n.probing[kind]--
	}
	if n.probing[kind] > 0 {
		n.w.put(happening{at: n.w.now + probeInterval, what: probes, node: uint8(n.side), index: h.index})
	}
	if n.still == "" {
		ok := n.wan == 0
		if kind == fitness.LAN {
			ok = n.lan == 0
		}
		ok = ok && n.rand.IntN(100) >= n.unanswered
		n.enter(func(now time.Duration) { n.driver.Reading(now, kind, ok) })
	}
}
