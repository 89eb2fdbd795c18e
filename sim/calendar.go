package sim

import "time"

// happening is one thing that will happen. What its index means depends on it.
type happening struct {
	at    time.Duration
	seq   uint64 // of equal instants the one that was put first
	what  what
	node  uint8
	path  uint8
	life  uint32 // of the node; what belongs to a former life is dropped
	index int
}

type what uint8

const (
	arrives  what = iota // a datagram: index of its buffer
	leaves               // a request: index of the call
	reaches              // it is at ARM
	answers              // its answer is at the node
	expires              // the node has waited long enough for it
	metadata             // IMDS answers: index of the look
	begins               // a fault
	ends                 // a fault
	boots
	resumes
	probes
	heals
	asks        // a question is at the witness: index of its buffer
	fences      // the witness stops taking the previous holder's upstream
	delivers    // the settings with another floating IP are at the node
	readdresses // its agent is told
	reroutes    // a person looks whether to change routes
	vouches     // a person says that no route leads to the former floating IP
)

// calendar is a heap by instant and order.
type calendar struct {
	heap []happening
	seq  uint64
}

func (c *calendar) put(h happening) {
	c.seq++
	h.seq = c.seq
	c.heap = append(c.heap, h)
	heap := c.heap
	i := len(heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !h.before(&heap[up]) {
			break
		}
		heap[i] = heap[up]
		i = up
	}
	heap[i] = h
}

func (h *happening) before(o *happening) bool {
	return h.at < o.at || h.at == o.at && h.seq < o.seq
}

func (c *calendar) take() happening {
	heap := c.heap
	first, end := heap[0], len(heap)-1
	last := heap[end]
	heap = heap[:end]
	c.heap = heap
	i := 0 // where the last one goes, unless something below is earlier
	for down := 1; down < end; down = 2*i + 1 {
		if down+1 < end && heap[down+1].before(&heap[down]) {
			down++
		}
		if !heap[down].before(&last) {
			break
		}
		heap[i] = heap[down]
		i = down
	}
	if end > 0 {
		heap[i] = last
	}
	return first
}
