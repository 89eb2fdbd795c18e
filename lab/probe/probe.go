// Package probe measures what the site's traffic loses: a numbered stream of
// UDP from vm1 to the Internet host, and the Internet host's own numbered
// stream to the source that it last heard from, a packet each way in each interval:
// an outage is measured to an interval.
//
// Each direction has one ledger, written by the sender at one end and the
// receiver at the other: both are in this process, on one clock. Arrivals are
// the kernel's time stamps, so a busy lab doesn't lengthen an outage.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/clock"
)

// Direction of a stream, as reports name it.
type Direction string

// The directions.
const (
	Up   Direction = "lan-to-cloud"
	Down Direction = "cloud-to-lan"
)

// Port is where the Internet host listens.
const Port = 7007

const (
	buffer = 4 << 20
	// burst is how many packets a late sender may send at once; the rest of
	// what it missed is not sent at all, as a burst would flood queues.
	burst = 20
	tail  = 300 * time.Millisecond // for what is under way at the end
)

// Probe is a measurement under way.
type Probe struct {
	interval time.Duration
	up, down *Ledger
	vm, host *net.UDPConn

	peer     atomic.Pointer[netip.AddrPort] // source that the Internet host last heard from
	stop     context.CancelFunc
	senders  sync.WaitGroup
	readers  sync.WaitGroup
	startUp  atomic.Uint64 // sequence numbers from which on it counts
	startDn  atomic.Uint64
	finished time.Duration
}

// Start begins to send. Vm is vm1's socket, host the Internet host's; the probe
// closes both. Target is the Internet host's address as vm1 reaches it.
func Start(vm, host *net.UDPConn, target netip.AddrPort, interval time.Duration) (*Probe, error) {
	for _, conn := range []*net.UDPConn{vm, host} {
		if err := prepare(conn); err != nil {
			return nil, fmt.Errorf("prepare the probe's socket: %w", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Probe{interval: interval, up: NewLedger(interval), down: NewLedger(interval), vm: vm, host: host, stop: stop}
	p.readers.Go(func() { p.receive(host, p.up, markUp, true) })
	p.readers.Go(func() { p.receive(vm, p.down, markDown, false) })
	p.senders.Go(func() { p.send(ctx, vm, p.up, markUp, func() *netip.AddrPort { return &target }) })
	p.senders.Go(func() { p.send(ctx, host, p.down, markDown, p.peer.Load) })
	return p, nil
}

// Begin drops what was before: from now on it counts.
func (p *Probe) Begin() {
	p.startUp.Store(p.up.Next())
	p.startDn.Store(p.down.Next())
}

// Flowing reports whether both directions had an arrival within the time.
func (p *Probe) Flowing(within time.Duration) bool {
	since := clock.Now() - within
	return p.up.Last() > since && p.down.Last() > since
}

// LastArrival is the latest arrival of a direction, 0 if there was none.
func (p *Probe) LastArrival(d Direction) time.Duration { return p.ledger(d).Last() }

// Finish stops sending, waits for what is under way, and closes the sockets.
func (p *Probe) Finish() {
	p.finished = clock.Now()
	p.stop()
	p.senders.Wait()
	// The deadline ends the readers: what comes later than this is lost.
	until := time.Now().Add(tail)
	_ = p.vm.SetReadDeadline(until)
	_ = p.host.SetReadDeadline(until)
	p.readers.Wait()
	p.vm.Close()
	p.host.Close()
}

// Count sums up one direction since Begin.
func (p *Probe) Count(d Direction) Count { return p.ledger(d).Since(p.start(d)) }

// underWay is how long a packet may take before it is called lost.
const underWay = 50 * time.Millisecond

// Settled is Count without the packets that may still be under way.
func (p *Probe) Settled(d Direction) Count {
	return p.ledger(d).Between(p.start(d), clock.Now()-underWay)
}

// Outages of one direction since Begin; call it after Finish.
func (p *Probe) Outages(d Direction) []Outage { return p.OutagesSince(d, p.Begun(d)) }

// Begun is the sequence number from which on a direction counts.
func (p *Probe) Begun(d Direction) uint64 { return p.start(d) }

// Next is the sequence number of a direction's next packet.
func (p *Probe) Next(d Direction) uint64 { return p.ledger(d).Next() }

// CountSince sums up one direction from a sequence number on; before Finish
// without the packets that may still be under way.
func (p *Probe) CountSince(d Direction, from uint64) Count {
	if p.finished == 0 {
		return p.ledger(d).Between(from, clock.Now()-underWay)
	}
	return p.ledger(d).Since(from)
}

// OutagesSince are those of one direction from a sequence number on; before
// Finish without the packets that may still be under way.
func (p *Probe) OutagesSince(d Direction, from uint64) []Outage {
	if p.finished != 0 {
		return p.ledger(d).Outages(from, p.finished)
	}
	return p.ledger(d).Outages(from, clock.Now()-underWay)
}

func (p *Probe) ledger(d Direction) *Ledger {
	if d == Up {
		return p.up
	}
	return p.down
}

func (p *Probe) start(d Direction) uint64 {
	if d == Up {
		return p.startUp.Load()
	}
	return p.startDn.Load()
}

// send paces one stream. While to gives nobody there is nothing to send.
func (p *Probe) send(ctx context.Context, conn *net.UDPConn, ledger *Ledger, mark byte, to func() *netip.AddrPort) {
	packet := make([]byte, packetSize)
	for next := clock.Now(); ctx.Err() == nil; next += p.interval {
		clock.SleepUntil(next)
		now := clock.Now()
		if late := now - burst*p.interval; next < late {
			next = late
		}
		target := to()
		if target == nil {
			continue
		}
		encode(packet, mark, ledger.Sent(now))
		_, _ = conn.WriteToUDPAddrPort(packet, *target) // what can't be sent is lost, and counted so
	}
}

// receive enters arrivals until the socket is closed or its deadline is over.
func (p *Probe) receive(conn *net.UDPConn, ledger *Ledger, mark byte, learn bool) {
	packet, control := make([]byte, 2*packetSize), make([]byte, 128)
	for {
		n, c, _, from, err := conn.ReadMsgUDPAddrPort(packet, control)
		if err != nil {
			if errors.Is(err, unix.ECONNREFUSED) {
				continue
			}
			return
		}
		seq, ok := decode(packet[:n], mark)
		if !ok {
			continue
		}
		ledger.Arrived(seq, stamp(control[:c]))
		if last := p.peer.Load(); learn && (last == nil || *last != from) {
			p.peer.Store(&from)
		}
	}
}
