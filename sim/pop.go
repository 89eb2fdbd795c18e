package sim

import (
	"math/rand/v2"
	"time"

	"releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
	wire "releve.dev/releve/wire/witness"
)

// pop is one of the site's points of presence, where the witness is the third: the real
// core/witness, its disk, and where it lets the site's traffic through.
type pop struct {
	w     *World
	index int
	witnessSeen
	rand    *rand.Rand
	witness *witness.Witness // nil while it is down
	mac     auth.MAC

	record *witness.Record // on its disk
	former []witness.Record
	lost   bool // the disk was
	downs  broken

	to     site.Side // downstream
	takes  [3]bool   // upstream, by side
	fences time.Duration

	faults   []*Fault // of the tunnels, on now
	past     [3][]sent
	question wire.Question
	out      []byte
}

func newPoP(w *World, index int) *pop {
	p := &pop{w: w, index: index, rand: generator(w.sched.Seed, ofPoP+uint64(index)), mac: w.nodes[site.Primary].mac()}
	p.start()
	return p
}

func (p *pop) name() string { return [...]string{"pop", "pop 2"}[p.index] }

// now is the PoP's own clock, which gains a little on everybody's.
func (p *pop) now() time.Duration { return p.w.now + p.w.now/10_000 }

func (p *pop) start() {
	if p.downs > 0 || p.witness != nil {
		return
	}
	p.w.serving.edge()
	p.w.settleOutage()
	p.w.say(p.name(), "starts")
	p.witness = witness.New(siteID, p.rand.Uint64()|1, p.record, p.lost, p.now())
	p.lost = false
	p.seen = [2]wire.View{}
	p.carryOut(p.witness.Start(p.now()))
}

const siteID = 1

// crash: the PoP is gone, with all that it forwarded.
func (p *pop) crash() {
	p.w.settleOutage()
	p.w.say(p.name(), "dies")
	p.downs++
	p.witness, p.to, p.takes, p.fences = nil, site.NoSide, [3]bool{}, 0
}

func (p *pop) mend() {
	p.downs--
	p.start()
}

// forget loses the record; restore brings an old one back.
func (p *pop) forget() { p.record, p.former, p.lost = nil, nil, true }

func (p *pop) restore() {
	if len(p.former) > 0 {
		old := p.former[p.rand.IntN(len(p.former))]
		p.record, p.former = &old, nil
	}
}

// carryOut does what the witness says.
func (p *pop) carryOut(actions []witness.Action) {
	w := p.w
	for _, action := range actions {
		switch a := action.(type) {
		case witness.Save:
			record, before := a.Record, witness.Record{}
			if p.record != nil {
				before = *p.record
				p.former = append(p.former, before)
			}
			p.record = &record
			w.mix(5, uint64(record.Claim.Term), uint64(record.Claim.Holder))
			if record.Claim != before.Claim { // else it has kept who is here
				w.witnessed.granted(p, record.Claim)
			}
		case witness.Route:
			w.settleOutage()
			p.to = a.To
		case witness.Upstream:
			w.settleOutage()
			p.takes = [3]bool{site.Primary: a.Primary, site.Secondary: a.Secondary}
		case witness.Say:
			w.witnessed.says(p, a.Reply)
			p.out = wire.AppendReply(p.out[:0], a.Reply, p.mac)
			p.carry(w.nodes[a.Reply.To], down, p.out)
		case witness.Note:
			w.say(p.name(), a.What+": "+a.Detail)
			w.mixText(a.What)
		}
	}
	if next, ok := p.witness.Next(); ok && next != p.fences {
		p.fences = next
		w.put(happening{at: w.now + next - p.now(), what: fences, path: uint8(p.index)})
	}
}

// The directions of a tunnel.
const (
	both = iota
	upstream
	down
)

// ask is the tunnel's vSocket end.
func (p *pop) ask(n *node, datagram []byte) { p.carry(n, upstream, datagram) }

// carry takes a datagram through a side's tunnel.
func (p *pop) carry(n *node, direction int, datagram []byte) {
	w := p.w
	if !p.open(n, direction) {
		return
	}
	delay := w.sched.Settings.Trip + time.Duration(p.rand.Int64N(int64(w.sched.Settings.Trip/4)+1))
	for _, f := range p.faults {
		if !f.on(n.side) {
			continue
		}
		switch f.Kind {
		case TunnelLoss:
			if p.rand.IntN(100) < f.N {
				return
			}
		case TunnelLate:
			if f.N == both || f.N == direction {
				delay += time.Duration(p.rand.Int64N(int64(f.D) + 1))
			}
		case TunnelOld:
			p.replay(n, f, direction, datagram)
		}
	}
	p.deliver(n, direction, datagram, delay)
}

func (p *pop) deliver(n *node, direction int, datagram []byte, delay time.Duration) {
	h := happening{at: p.w.now + delay, what: asks, node: uint8(n.side), path: uint8(p.index), index: p.w.net.buffer(datagram)}
	if direction == down {
		h.what, h.path = arrives, byTunnel
	}
	p.w.put(h)
}

// byTunnel is the path of what comes from the witness.
const byTunnel = uint8(keepalive.Paths)

// replay sends something old of the same direction after a datagram.
func (p *pop) replay(n *node, f *Fault, direction int, datagram []byte) {
	past := &p.past[n.side]
	if len(*past) > 0 && p.rand.IntN(100) < f.N {
		old := (*past)[p.rand.IntN(len(*past))]
		if p.w.now-old.at <= f.D {
			p.deliver(n, int(old.path), old.datagram, time.Duration(p.rand.Int64N(int64(100*time.Millisecond))))
		}
	}
	one := sent{p.w.now, keepalive.Path(direction), append([]byte(nil), datagram...)}
	if len(*past) < pastKept {
		*past = append(*past, one)
	} else {
		(*past)[p.rand.IntN(len(*past))] = one
	}
}

// open: nothing cuts a side's tunnel in a direction.
func (p *pop) open(n *node, direction int) bool {
	if n.wan > 0 || p.downs > 0 {
		return false
	}
	for _, f := range p.faults {
		if f.Kind == Tunnel && f.on(n.side) && (f.N == both || f.N == direction) {
			return false
		}
	}
	return true
}

// heard: a question has come.
func (p *pop) heard(h happening) {
	defer p.w.net.free(h.index)
	datagram := p.w.net.buffers[h.index]
	if p.witness == nil || wire.DecodeQuestion(datagram, &p.question, p.mac) != nil {
		return
	}
	p.w.witnessed.hears(p, &p.question)
	p.carryOut(p.witness.Hear(p.now(), &p.question))
	p.w.witnessed.heard(p)
}

// forwards: the PoP takes what a side's tunnel brings, and sends the site's
// traffic down the tunnel of one that gives it to the LAN.
func (p *pop) forwards(n *node) bool {
	if p.witness == nil || p.to == site.NoSide || !p.takes[n.side] || !p.open(n, upstream) {
		return false
	}
	taker := p.w.nodes[p.to]
	return taker.pop == p.index && taker.down && taker.still != Pause && taker.still != Freeze && taker.lan == 0 && p.open(taker, down)
}

// reached: both vSockets use one PoP, this one can talk to the witness there, and
// the witness has the record, of a visit in which it has seen both.
func (w *World) reached(n *node) bool {
	return w.nodes[n.side.Peer()].pop == n.pop && w.pops[n.pop].reached(n)
}

func (p *pop) reached(n *node) bool {
	for _, f := range p.faults {
		if f.on(n.side) {
			return false
		}
	}
	if p.witness == nil {
		return false
	}
	status := p.witness.Status(p.now())
	return status.State == wire.Serving && status.Resident[n.side-site.Primary] && p.open(n, upstream) && p.open(n, down)
}
