// Package fabric is Azure's virtual network for hosts that are network
// namespaces of one machine. Each NIC is a TAP; what a guest sends is judged
// and delivered as Azure would (azure.md section 5): no layer 2 between VMs,
// every ARP question answered by the fabric, anti-spoofing, network security
// groups, effective routes, public addresses. Where an address is, is what the
// published plane.Plane says and nothing else: a gratuitous ARP moves nothing.
//
// # Concurrency
//
// Every method may be called from any goroutine while packets flow. A packet
// is judged by one picture of plane and faults; at its delivery, which may be
// later (Delay, Pause), the state of the receiving NIC counts once more. The
// packets of one NIC to another keep their order.
package fabric

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/azure/emulator/plane"
)

// Options of a fabric. The zero value is good.
type Options struct {
	Logger   *slog.Logger // nil: silent
	QueueLen int          // frames of a guest that may wait for the fabric, per NIC; 0: 10,000
	DelayLen int          // packets that may be under way on delayed paths; 0: 100,000
}

// sweepEvery is how often idle flows are forgotten.
const sweepEvery = time.Second

// Fabric is the virtual network. Make one with New.
type Fabric struct {
	log      *slog.Logger
	queueLen int
	start    time.Time
	line     *delayLine

	view     atomic.Pointer[view]
	captures atomic.Pointer[[]*capture]
	clock    atomic.Int64 // time since start, as coarse as sweepEvery; for flows

	mu       sync.Mutex // guards what follows; no packet waits for it
	plane    *plane.Plane
	ports    []*port // by port.index; nil where one was detached
	faults   faults
	detached uint64 // overload drops of ports that are gone
	closed   bool
	stop     chan struct{}
	running  sync.WaitGroup
}

// New makes a fabric without NICs. Close it after use.
func New(o Options) *Fabric {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.QueueLen <= 0 {
		o.QueueLen = 10_000
	}
	if o.DelayLen <= 0 {
		o.DelayLen = 100_000
	}
	f := &Fabric{
		log:      o.Logger,
		queueLen: o.QueueLen,
		start:    time.Now(),
		plane:    &plane.Plane{},
		faults:   newFaults(),
		stop:     make(chan struct{}),
	}
	f.line = newDelayLine(o.DelayLen, f.hand)
	f.captures.Store(&[]*capture{})
	f.rebuild()
	f.running.Go(f.sweep)
	f.running.Go(func() { f.line.run(f.stop) })
	return f
}

// Close removes all interfaces and waits until nothing of the fabric runs.
func (f *Fabric) Close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	close(f.stop)
	for _, p := range f.ports {
		if p != nil {
			f.closePort(p)
		}
	}
	f.mu.Unlock()
	f.running.Wait()
}

// SetPlane makes p the truth, at once for all NICs. The fabric keeps p: don't
// change it afterwards.
func (f *Fabric) SetPlane(p *plane.Plane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plane = p
	f.rebuild()
	f.applyFaults() // a VM may have got or lost a NIC
}

// rebuild publishes a new view. f.mu is held, or f isn't shared yet.
func (f *Fabric) rebuild() {
	f.view.Store(buildView(f.plane, f.ports, &f.faults))
}

// sweep forgets idle flows and keeps the coarse clock.
func (f *Fabric) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		now := time.Since(f.start)
		f.clock.Store(int64(now))
		for _, end := range f.view.Load().ends {
			if end != nil {
				end.port.flows.Sweep(now)
			}
		}
		f.readKernels()
	}
}

// readKernels keeps the periods without carrier out of the drops soon after
// they end, also while nobody asks for Stats.
func (f *Fabric) readKernels() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.ports {
		if p != nil && p.kernel.off {
			p.readKernel()
		}
	}
}
