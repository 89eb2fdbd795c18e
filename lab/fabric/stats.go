package fabric

import (
	"strings"
	"sync/atomic"

	"releve.dev/releve/lab/fabric/frame"
)

// reason is what became of a packet.
type reason uint8

// The reasons. Those from dropGuestFull on are the lab's own overload.
const (
	delivered reason = iota
	dropMalformed
	dropEtherType
	dropIPv6
	dropGratuitousARP
	dropUnansweredARP
	dropBroadcast
	dropMulticast
	dropForeignMAC
	dropProtocol
	dropSpoofed
	dropNSGOut
	dropNSGIn
	dropFragment
	dropRouteNone
	dropNoOwner
	dropNotForwarding
	dropNotAttached
	dropNoPublic
	dropNoHost
	dropUnknownNIC
	dropCut
	dropUDPFault
	dropLoss
	dropPaused
	dropLinkDown
	dropGuestDown
	dropRefused
	dropGuestFull
	dropDelayFull
	dropFlowsFull
	reasons
)

const firstOverload = dropGuestFull

var reasonNames = [reasons]string{
	dropMalformed:     "malformed",
	dropEtherType:     "ethertype",
	dropIPv6:          "ipv6",
	dropGratuitousARP: "gratuitous-arp",
	dropUnansweredARP: "arp-unanswered",
	dropBroadcast:     "broadcast",
	dropMulticast:     "multicast",
	dropForeignMAC:    "foreign-mac",
	dropProtocol:      "blocked-protocol",
	dropSpoofed:       "spoofed-source",
	dropNSGOut:        "nsg-outbound",
	dropNSGIn:         "nsg-inbound",
	dropFragment:      "fragment-without-first",
	dropRouteNone:     "route-none",
	dropNoOwner:       "address-on-no-nic",
	dropNotForwarding: "destination-not-forwarding",
	dropNotAttached:   "nic-not-attached",
	dropNoPublic:      "no-public-address",
	dropNoHost:        "no-such-host",
	dropUnknownNIC:    "nic-deleted",
	dropCut:           "fault-cut",
	dropUDPFault:      "fault-udp",
	dropLoss:          "fault-loss",
	dropPaused:        "fault-paused",
	dropLinkDown:      "fault-link-down",
	dropGuestDown:     "guest-interface-down",
	dropRefused:       "refused-by-guest",
	dropGuestFull:     "overload-guest",
	dropDelayFull:     "overload-delay-line",
	dropFlowsFull:     "overload-flows",
}

// kernelQueue is the name of the drops that the guest's kernel counts, in
// frames: the fabric didn't read quickly enough.
const kernelQueue = "overload-kernel-queue"

// counters are those of one port.
type counters struct {
	fromPackets, fromBytes, toPackets, toBytes atomic.Uint64
	drops                                      [reasons]atomic.Uint64
}

func (c *counters) drop(why reason, buf []byte) {
	packets, _ := frame.Count(buf)
	c.drops[why].Add(uint64(packets))
}

func (c *counters) fromGuest(buf []byte) {
	packets, bytes := frame.Count(buf)
	c.fromPackets.Add(uint64(packets))
	c.fromBytes.Add(uint64(bytes))
}

func (c *counters) toGuest(buf []byte) {
	packets, bytes := frame.Count(buf)
	c.toPackets.Add(uint64(packets))
	c.toBytes.Add(uint64(bytes))
}

// Traffic is what passed in one direction. A TCP segment of up to 64 KB that
// the guest left to be cut by hardware counts as one packet; UDP datagrams that
// it left to be cut count one by one.
type Traffic struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// NICStats counts what passed and what was dropped at one NIC or public host:
// what it sent is counted as dropped here, at the sender, save what was lost
// in front of the receiver for a reason of the receiver's own (paused, cut,
// down, overload).
type NICStats struct {
	Name      string            `json:"name"` // NIC id or public address
	VM        string            `json:"vm,omitempty"`
	FromGuest Traffic           `json:"from_guest"`
	ToGuest   Traffic           `json:"to_guest"`
	Dropped   map[string]uint64 `json:"dropped"`
}

// Stats are the fabric's counters since it was made.
type Stats struct {
	NICs []NICStats `json:"nics"`
	// Overload counts the packets that the lab itself lost: a full queue, not
	// something that Azure or a fault would have done. A measurement during
	// which it grew is void.
	Overload uint64 `json:"overload"`
}

// Stats reads the counters.
func (f *Fabric) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	vms := vmNames(f.plane)
	s := Stats{Overload: f.detached}
	for _, p := range f.ports {
		if p == nil {
			continue
		}
		n := NICStats{
			Name: p.name, VM: vms[p.name], Dropped: make(map[string]uint64),
			FromGuest: Traffic{p.count.fromPackets.Load(), p.count.fromBytes.Load()},
			ToGuest:   Traffic{p.count.toPackets.Load(), p.count.toBytes.Load()},
		}
		for why := delivered + 1; why < reasons; why++ {
			if k := p.count.drops[why].Load(); k > 0 {
				n.Dropped[reasonNames[why]] = k
			}
		}
		if k := p.readKernel(); k > 0 {
			n.Dropped[kernelQueue] = k
		}
		for name, k := range n.Dropped {
			if strings.HasPrefix(name, "overload-") {
				s.Overload += k
			}
		}
		s.NICs = append(s.NICs, n)
	}
	return s
}

// overload is what the lab itself lost at a port.
func (p *port) overload() uint64 {
	sum := p.readKernel()
	for why := firstOverload; why < reasons; why++ {
		sum += p.count.drops[why].Load()
	}
	return sum
}
