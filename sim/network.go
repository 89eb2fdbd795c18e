package sim

import (
	"math/rand/v2"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// network carries the keepalives. Its faults are the schedule's that are on.
type network struct {
	w       *World
	rand    *rand.Rand
	faults  []*Fault // of the network, on now
	buffers [][]byte
	unused  []int
	past    [3][]sent // by sender: what may be replayed
}

type sent struct {
	at       time.Duration
	path     keepalive.Path
	datagram []byte
}

// pastKept is how many datagrams of each sender may be replayed.
const pastKept = 64

func newNetwork(w *World) network {
	return network{w: w, rand: generator(w.sched.Seed, ofNetwork)}
}

func (net *network) send(from *node, path keepalive.Path, datagram []byte) {
	c := &net.w.sched.Settings
	delay := c.Delay
	if c.Jitter > 0 {
		delay += time.Duration(net.rand.Int64N(int64(c.Jitter)))
	}
	twice, flip := time.Duration(-1), false
	peer := net.w.nodes[from.side.Peer()]
	if path == keepalive.LAN && (from.lan > 0 || peer.lan > 0) {
		return
	}
	for _, f := range net.faults {
		if !f.on(from.side) || !f.path(path) {
			continue
		}
		switch f.Kind {
		case Cut:
			return
		case Loss:
			if net.chance(f.N) {
				return
			}
		case Twice:
			if net.chance(f.N) {
				twice = time.Duration(net.rand.Int64N(int64(f.D) + 1))
			}
		case Spike:
			delay += time.Duration(net.rand.Int64N(int64(f.D) + 1))
		case Flip:
			flip = flip || net.chance(f.N)
		case Old:
			net.replay(peer, f, from.side, datagram, path)
		}
	}
	index := net.buffer(datagram)
	if flip {
		bit := net.rand.IntN(8 * len(datagram))
		net.buffers[index][bit/8] ^= 1 << (bit % 8)
	}
	net.deliver(peer, path, index, delay)
	if twice >= 0 {
		net.deliver(peer, path, net.buffer(datagram), delay+twice)
	}
}

func (net *network) chance(percent int) bool { return net.rand.IntN(100) < percent }

func (net *network) deliver(to *node, path keepalive.Path, index int, delay time.Duration) {
	net.w.put(happening{at: net.w.now + delay, what: arrives, node: uint8(to.side), path: uint8(path), index: index})
}

// replay sends something old after a datagram, and remembers the new one.
func (net *network) replay(to *node, f *Fault, side site.Side, datagram []byte, path keepalive.Path) {
	past := net.past[side]
	if len(past) > 0 && net.chance(f.N) {
		old := past[net.rand.IntN(len(past))]
		if net.w.now-old.at <= f.D {
			net.deliver(to, old.path, net.buffer(old.datagram), time.Duration(net.rand.Int64N(int64(100*time.Millisecond))))
		}
	}
	one := sent{net.w.now, path, append([]byte(nil), datagram...)}
	if len(past) < pastKept {
		net.past[side] = append(past, one)
	} else {
		past[net.rand.IntN(len(past))] = one
	}
}

func (net *network) arrive(to *node, h happening) {
	if !to.running {
		net.free(h.index)
		return
	}
	if to.wait(h) {
		return
	}
	if h.path == byTunnel {
		net.w.leases.told(to, net.buffers[h.index])
		to.driver.Reply(to.local(), net.buffers[h.index])
		net.free(h.index)
		to.after()
		return
	}
	net.w.answering.hears(to)
	net.w.leases.hears(to, net.buffers[h.index])
	to.driver.Datagram(to.local(), keepalive.Path(h.path), net.buffers[h.index])
	net.w.thaws.hears(to, net.buffers[h.index])
	net.free(h.index)
	to.after()
}

func (net *network) buffer(datagram []byte) int {
	last := len(net.unused) - 1
	if last < 0 {
		net.buffers = append(net.buffers, append([]byte(nil), datagram...))
		return len(net.buffers) - 1
	}
	index := net.unused[last]
	net.unused = net.unused[:last]
	net.buffers[index] = append(net.buffers[index][:0], datagram...)
	return index
}

func (net *network) free(index int) { net.unused = append(net.unused, index) }
