package probe

import (
	"math"
	"slices"
	"sync"
	"time"
)

// Outage is a run of lost sequence numbers in one direction.
type Outage struct {
	From   time.Duration // arrival before the run, or the first sending if there was none
	To     time.Duration // arrival after the run, or the end of the measurement
	Length time.Duration // To-From less one interval, so that a single lost packet counts one interval
	Lost   int
	Open   bool // it lasted to the end
}

// Count sums packets up.
type Count struct{ Sent, Received, Duplicated int }

// Ledger keeps when each packet of one direction was sent and arrived. Its
// sequence numbers start at 0 and have no holes. Safe for use by the sender's
// and the receiver's goroutine.
type Ledger struct {
	interval time.Duration

	mu         sync.Mutex
	sent       []time.Duration
	arrived    []time.Duration // parallel to sent; 0 while it hasn't
	duplicated int
	last       time.Duration // latest arrival
}

// NewLedger makes an empty one. Interval is the time between two sendings.
func NewLedger(interval time.Duration) *Ledger { return &Ledger{interval: interval} }

// Sent enters the next packet and returns its sequence number.
func (l *Ledger) Sent(at time.Duration) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, at)
	l.arrived = append(l.arrived, 0)
	return uint64(len(l.sent) - 1)
}

// Arrived enters an arrival. A number that was never sent is somebody else's.
func (l *Ledger) Arrived(seq uint64, at time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case seq >= uint64(len(l.sent)):
	case l.arrived[seq] != 0:
		l.duplicated++
	default:
		l.arrived[seq] = at
		l.last = max(l.last, at)
	}
}

// Next is the sequence number of the next packet.
func (l *Ledger) Next() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.sent))
}

// Last is the latest arrival, 0 if there was none.
func (l *Ledger) Last() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Since sums up the packets from a sequence number on.
func (l *Ledger) Since(from uint64) Count { return l.Between(from, math.MaxInt64) }

// Between sums up the packets from a sequence number on that were sent before
// a moment.
func (l *Ledger) Between(from uint64, before time.Duration) Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := Count{Duplicated: l.duplicated}
	for i := int(from); i < len(l.sent) && l.sent[i] < before; i++ {
		count.Sent++
		if l.arrived[i] != 0 {
			count.Received++
		}
	}
	return count
}

// Outages finds the runs of lost packets from a sequence number on, short ones
// included, among the packets sent before the end of the measurement. A run that
// lasts to the end counts to the end.
func (l *Ledger) Outages(from uint64, end time.Duration) []Outage {
	l.mu.Lock()
	defer l.mu.Unlock()
	var outages []Outage
	sent, _ := slices.BinarySearch(l.sent, end)
	for i := int(from); i < sent; i++ {
		if l.arrived[i] != 0 {
			continue
		}
		first := i
		for i < sent && l.arrived[i] == 0 {
			i++
		}
		outages = append(outages, l.run(first, i, int(from), end, i == sent))
	}
	return outages
}

// run describes the lost packets of [first, after).
func (l *Ledger) run(first, after, from int, end time.Duration, open bool) Outage {
	o := Outage{From: l.sent[first] - l.interval, To: end, Lost: after - first, Open: open}
	if !o.Open {
		o.To = l.arrived[after]
	}
	// What a frozen VM or a tunnel held back arrives long after what was sent later.
	for i := after; i < len(l.sent) && l.sent[i] < o.To; i++ {
		if at := l.arrived[i]; at != 0 {
			o.To = min(o.To, at)
		}
	}
	for i := first - 1; i >= from; i-- {
		if at := l.arrived[i]; at != 0 && at <= o.To {
			o.From = at
			break
		}
	}
	o.Length = max(0, o.To-o.From-l.interval)
	return o
}
