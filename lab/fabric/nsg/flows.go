package nsg

import (
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/fabric/frame"
)

// Idle is how long a silent flow stays allowed (Azure: 4 minutes), and
// fragmentIdle how long the fragments that follow a first one have.
const (
	Idle         = 4 * time.Minute
	fragmentIdle = 30 * time.Second
)

// Limit is how many flows a NIC may have; a new one beyond it is refused, as
// Azure does at a figure of its own.
const Limit = 1 << 17

const shards = 16

// Verdict is what becomes of a packet.
type Verdict uint8

// The verdicts.
const (
	Allow    Verdict = iota
	Deny             // by rule
	Full             // no room for the flow
	Orphaned         // a later fragment whose first one never came
)

// Direction is seen from the NIC.
type Direction uint8

// The directions.
const (
	In Direction = iota
	Out
)

// Flows are the flows of one NIC. Its methods may be called from many
// goroutines at once; those of different flows seldom meet.
type Flows struct {
	count atomic.Int64
	shard [shards]flowShard
}

type flowShard struct {
	mu    sync.RWMutex
	flows map[flowKey]*flow
}

// flow is refreshed without a lock: expires only grows, so that a lost race
// costs nothing.
type flow struct{ expires atomic.Int64 }

// flowKey is the same for both directions: local is the NIC's end.
type flowKey struct {
	local, remote         frame.Addr
	localPort, remotePort uint16
	proto                 uint8
	fragment              bool
}

// Check decides about a packet that crosses the NIC at now, a monotonic time.
// A known flow passes without the policy being asked, and so does an ICMP
// error about one.
func (f *Flows) Check(policy Policy, pkt *frame.Packet, dir Direction, now time.Duration) Verdict {
	if pkt.Later {
		if f.refresh(fragmentKey(pkt, dir), now, fragmentIdle) {
			return Allow
		}
		return Orphaned
	}
	key := packetKey(pkt, dir)
	if !f.refresh(key, now, Idle) {
		if quote, ok := pkt.Quote(); ok && f.knows(quoteKey(quote, dir), now) {
			return Allow
		}
		if !policy.Allows(pkt) {
			return Deny
		}
		if !f.add(key, now+Idle) {
			return Full
		}
	}
	if pkt.First && !f.add(fragmentKey(pkt, dir), now+fragmentIdle) {
		return Full
	}
	return Allow
}

// Sweep forgets the flows that ended before now.
func (f *Flows) Sweep(now time.Duration) {
	for i := range f.shard {
		s := &f.shard[i]
		s.mu.Lock()
		for key, fl := range s.flows {
			if fl.expires.Load() <= int64(now) {
				delete(s.flows, key)
				f.count.Add(-1)
			}
		}
		s.mu.Unlock()
	}
}

// Len is the number of flows, those not yet swept included.
func (f *Flows) Len() int { return int(f.count.Load()) }

func (f *Flows) refresh(key flowKey, now, idle time.Duration) bool {
	fl := f.find(key, now)
	if fl == nil {
		return false
	}
	// A write a second is enough, and keeps the line out of other cores' way.
	if until := int64(now + idle); until-fl.expires.Load() > int64(time.Second) {
		fl.expires.Store(until)
	}
	return true
}

func (f *Flows) knows(key flowKey, now time.Duration) bool { return f.find(key, now) != nil }

func (f *Flows) find(key flowKey, now time.Duration) *flow {
	s := &f.shard[key.shard()]
	s.mu.RLock()
	fl := s.flows[key]
	s.mu.RUnlock()
	if fl == nil || fl.expires.Load() <= int64(now) {
		return nil
	}
	return fl
}

func (f *Flows) add(key flowKey, expires time.Duration) bool {
	s := &f.shard[key.shard()]
	s.mu.Lock()
	defer s.mu.Unlock()
	if fl := s.flows[key]; fl != nil {
		fl.expires.Store(int64(expires))
		return true
	}
	if f.count.Load() >= Limit {
		return false
	}
	fl := new(flow)
	fl.expires.Store(int64(expires))
	if s.flows == nil {
		s.flows = make(map[flowKey]*flow)
	}
	s.flows[key] = fl
	f.count.Add(1)
	return true
}

func (k flowKey) shard() uint32 {
	h := uint32(k.local) ^ uint32(k.remote) ^ uint32(k.localPort)<<16 ^ uint32(k.remotePort) ^ uint32(k.proto)<<8
	return h * 2654435761 >> 28 // Fibonacci hashing to 16 shards
}

func packetKey(pkt *frame.Packet, dir Direction) flowKey {
	k := flowKey{
		local: pkt.Src, remote: pkt.Dst, proto: pkt.Proto,
		localPort: pkt.SrcPort, remotePort: pkt.DstPort,
	}
	if dir == In {
		k.turn()
	}
	return k
}

// quoteKey is the key of the flow that an ICMP error is about: the quoted
// packet crossed the NIC the other way.
func quoteKey(q frame.Quote, dir Direction) flowKey {
	k := flowKey{
		local: q.Src, remote: q.Dst, proto: q.Proto,
		localPort: q.SrcPort, remotePort: q.DstPort,
	}
	if dir == Out {
		k.turn()
	}
	return k
}

func fragmentKey(pkt *frame.Packet, dir Direction) flowKey {
	k := flowKey{
		local: pkt.Src, remote: pkt.Dst, proto: pkt.Proto,
		localPort: pkt.ID, remotePort: pkt.ID, fragment: true,
	}
	if dir == In {
		k.turn()
	}
	return k
}

func (k *flowKey) turn() {
	k.local, k.remote = k.remote, k.local
	k.localPort, k.remotePort = k.remotePort, k.localPort
}
