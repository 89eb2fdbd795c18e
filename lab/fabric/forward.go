package fabric

import (
	"math/rand/v2"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
	"releve.dev/releve/lab/fabric/nsg"
)

// fabricMAC is who answers all ARP in a VNet and sends all frames.
var fabricMAC = [6]byte{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}

// reservedPort is the UDP source port that Azure keeps to itself (VNet FAQ).
const reservedPort = 65330

// accept takes a frame from a guest, its virtio-net header in front.
func (f *Fabric) accept(p *port, buf []byte) {
	p.count.fromGuest(buf)
	f.record(p, buf)
	if held, lost := p.out.offer(buf); held {
		p.count.drops[dropPaused].Add(uint64(lost))
		return
	}
	f.forward(p, buf)
}

// forward judges a frame of a guest by one view, and delivers or drops it. UDP
// datagrams that cross as one are judged as one, as all that counts is the same
// in them, but for chance.
func (f *Fabric) forward(p *port, buf []byte) {
	v := f.view.Load()
	if p.index >= len(v.ends) || v.ends[p.index] == nil || v.ends[p.index].port != p {
		return // detached meanwhile
	}
	src := v.ends[p.index]
	if v.loss == 0 {
		f.settle(v, src, buf)
		return
	}
	for one := range frame.Packets(buf) {
		f.settle(v, src, one)
	}
}

func (f *Fabric) settle(v *view, src *end, buf []byte) {
	if why := f.judge(v, src, buf); why != delivered {
		src.port.count.drop(why, buf)
	}
}

func (f *Fabric) judge(v *view, src *end, buf []byte) reason {
	switch {
	case len(buf) < frame.VNetHeaderLen+frame.HeaderLen:
		return dropMalformed
	case src.down:
		return dropLinkDown
	case src.cutOut:
		return dropCut
	case !src.known:
		return dropUnknownNIC
	}
	eth := buf[frame.VNetHeaderLen:]
	switch frame.EtherType(eth) {
	case frame.TypeIPv4:
		return f.judgeIPv4(v, src, buf)
	case frame.TypeARP:
		return f.answerARP(src, buf)
	case frame.TypeIPv6:
		return dropIPv6
	}
	return dropEtherType
}

// answerARP answers every question but one about the NIC's own addresses, so
// that a guest's duplicate address detection succeeds (RFC 5227).
func (f *Fabric) answerARP(src *end, buf []byte) reason {
	q, ok := frame.ParseARP(buf[frame.VNetHeaderLen:])
	switch {
	case !ok:
		return dropMalformed
	case q.Gratuitous():
		return dropGratuitousARP
	case src.holds(q.Target) || !src.host && !src.inSpace(q.Target):
		return dropUnansweredARP
	}
	answer := frame.AnswerARP(buf[frame.VNetHeaderLen:], fabricMAC)
	clear(buf[:frame.VNetHeaderLen])
	f.hand(src.port, buf[:frame.VNetHeaderLen+len(answer)])
	return delivered
}

func (f *Fabric) judgeIPv4(v *view, src *end, buf []byte) reason {
	eth := buf[frame.VNetHeaderLen:]
	pkt, ok := frame.Parse(buf[:frame.VNetHeaderLen], eth)
	if !ok {
		return dropMalformed
	}
	if why := admissible(src, &pkt, eth); why != delivered {
		return why
	}
	now := time.Duration(f.clock.Load())
	if !src.host {
		if why := verdictReason(src.port.flows.Check(src.out, &pkt, nsg.Out, now), dropNSGOut); why != delivered {
			return why
		}
	}
	dst, why := v.route(src, &pkt)
	if why != delivered {
		return why
	}
	if dst.port == nil {
		return dropNotAttached
	}
	way := src.path(dst)
	if why := v.faulty(way, &pkt); why != delivered {
		return why
	}
	if !dst.host {
		if why := verdictReason(dst.port.flows.Check(dst.in, &pkt, nsg.In, now), dropNSGIn); why != delivered {
			return why
		}
	}
	frame.SetMACs(eth, dst.port.mac, fabricMAC)
	if way != nil && way.delayed {
		return f.delay(src, dst, way.delay, buf)
	}
	f.hand(dst.port, buf)
	return delivered
}

// admissible checks what Azure's host checks before anything else.
func admissible(src *end, pkt *frame.Packet, eth []byte) reason {
	switch {
	case pkt.Dst.Broadcast() || [6]byte(eth) == [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		return dropBroadcast
	case pkt.Dst.Multicast() || eth[0]&1 == 1:
		return dropMulticast
	case [6]byte(eth) != fabricMAC || [6]byte(eth[6:]) != src.port.mac:
		return dropForeignMAC
	case pkt.Proto == frame.IPIP || pkt.Proto == frame.GRE:
		return dropProtocol
	case pkt.Proto == frame.UDP && pkt.HasPorts && pkt.SrcPort == reservedPort && !src.host:
		return dropProtocol
	case !src.holds(pkt.Src) && !src.forwarding:
		return dropSpoofed
	}
	return delivered
}

// route finds who gets the packet, translating public addresses on the way,
// and checks the destination: only a forwarding NIC gets what isn't its own.
func (v *view) route(src *end, pkt *frame.Packet) (*end, reason) {
	if src.host {
		return v.fromInternet(pkt)
	}
	for i := range src.routes {
		r := &src.routes[i]
		if !r.prefix.Contains(pkt.Dst) {
			continue
		}
		switch r.hop {
		case plane.VNetLocal:
			return accepted(src.net[pkt.Dst], pkt)
		case plane.VirtualAppliance:
			return accepted(src.net[r.via], pkt)
		case plane.Internet:
			public, ok := src.public[pkt.Src]
			if !ok {
				return nil, dropNoPublic
			}
			pkt.TranslateSrc(public)
			return v.fromInternet(pkt)
		}
		return nil, dropRouteNone
	}
	return nil, dropRouteNone
}

func (v *view) fromInternet(pkt *frame.Packet) (*end, reason) {
	to, ok := v.public[pkt.Dst]
	if !ok {
		return nil, dropNoHost
	}
	if to.private != 0 {
		pkt.TranslateDst(to.private)
	}
	return to.end, delivered
}

func accepted(dst *end, pkt *frame.Packet) (*end, reason) {
	switch {
	case dst == nil:
		return nil, dropNoOwner
	case !dst.forwarding && !dst.holds(pkt.Dst):
		return nil, dropNotForwarding
	}
	return dst, delivered
}

// faulty is what the faults on a way do to a packet.
func (v *view) faulty(way *path, pkt *frame.Packet) reason {
	if way != nil {
		if way.cut {
			return dropCut
		}
		for _, port := range way.udp {
			if pkt.Proto == frame.UDP && pkt.HasPorts && (pkt.DstPort == port || pkt.SrcPort == port) {
				return dropUDPFault
			}
		}
	}
	if v.loss > 0 && uint64(rand.Uint32()) < v.loss {
		return dropLoss
	}
	return delivered
}

func verdictReason(v nsg.Verdict, denied reason) reason {
	switch v {
	case nsg.Allow:
		return delivered
	case nsg.Full:
		return dropFlowsFull
	case nsg.Orphaned:
		return dropFragment
	}
	return denied
}
