package fabric

import (
	"container/heap"
	"sync"
	"time"

	"releve.dev/releve/lab/fabric/frame"
)

// delayLine hands packets over after a while. Those of one way keep their
// order, also when the delay shrinks.
type delayLine struct {
	limit   int
	deliver func(*port, []byte)
	start   time.Time
	wake    chan struct{}
	buffers sync.Pool

	mu      sync.Mutex
	queue   lateQueue
	packets int // in queue
	seq     uint64
	ways    map[uint64]*wayState
}

// wayState is what keeps the order of one way.
type wayState struct {
	last    time.Duration // when its latest packet is due
	pending int           // how many are queued or being delivered
}

// late is a packet under way.
type late struct {
	due time.Duration
	seq uint64
	way *wayState
	to  *port
	buf *[]byte

	packets int
}

func newDelayLine(limit int, deliver func(*port, []byte)) *delayLine {
	return &delayLine{
		limit: limit, deliver: deliver,
		start:   time.Now(),
		wake:    make(chan struct{}, 1),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		ways:    make(map[uint64]*wayState),
	}
}

// clear reports whether nothing is under way on a way.
func (l *delayLine) clear(way uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.ways[way]
	return w == nil || w.pending == 0
}

// put queues a copy of buf for delivery by from now on; false if the line is
// full. way names the pair of ports whose order is kept.
func (l *delayLine) put(to *port, way uint64, by time.Duration, buf []byte) bool {
	copied := l.buffers.Get().(*[]byte)
	*copied = append((*copied)[:0], buf...)
	packets, _ := frame.Count(buf)
	l.mu.Lock()
	if l.packets+packets > l.limit {
		l.mu.Unlock()
		l.buffers.Put(copied)
		return false
	}
	w := l.ways[way]
	if w == nil {
		w = new(wayState)
		l.ways[way] = w
	}
	w.last = max(time.Since(l.start)+by, w.last)
	w.pending++
	l.seq++
	l.packets += packets
	heap.Push(&l.queue, late{due: w.last, seq: l.seq, way: w, to: to, buf: copied, packets: packets})
	first := l.queue[0].seq == l.seq
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// run delivers until stop is closed; what is under way then is lost.
func (l *delayLine) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := l.deliverDue()
		timer.Reset(wait)
		select {
		case <-stop:
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// deliverDue hands over all that is due, and says how long to wait then.
func (l *delayLine) deliverDue() time.Duration {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.mu.Unlock()
			return time.Hour
		}
		if wait := l.queue[0].due - time.Since(l.start); wait > 0 {
			l.mu.Unlock()
			return wait
		}
		next := heap.Pop(&l.queue).(late)
		l.packets -= next.packets
		l.mu.Unlock()
		l.deliver(next.to, *next.buf)
		l.buffers.Put(next.buf)
		l.mu.Lock()
		next.way.pending--
		l.mu.Unlock()
	}
}

// lateQueue is a heap by due time, then by arrival.
type lateQueue []late

func (q lateQueue) Len() int { return len(q) }
func (q lateQueue) Less(i, j int) bool {
	if q[i].due != q[j].due {
		return q[i].due < q[j].due
	}
	return q[i].seq < q[j].seq
}
func (q lateQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *lateQueue) Push(x any)   { *q = append(*q, x.(late)) }
func (q *lateQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = late{}
	*q = old[:len(old)-1]
	return x
}
