package fabric

import (
	"slices"
	"sync"
	"sync/atomic"
)

// holdLen is how many packets of each direction a paused NIC keeps; Azure's
// host buffers some when a VM is frozen, and drops the rest.
const holdLen = 256

// hold keeps the packets of one NIC and direction while its VM is paused.
type hold struct {
	on     atomic.Bool
	mu     sync.Mutex
	frames [][]byte
}

// offer takes a copy of the frame if the hold is on; kept is false if it was
// full. While frames are being released, offer waits, so that the order stays.
func (h *hold) offer(buf []byte) (held, kept bool) {
	if !h.on.Load() {
		return false, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on.Load() {
		return false, false
	}
	if len(h.frames) >= holdLen {
		return true, false
	}
	h.frames = append(h.frames, slices.Clone(buf))
	return true, true
}

func (h *hold) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on.Store(true)
}

// release sends what was held, in order, and ends the hold.
func (h *hold) release(send func([]byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on.Load() {
		return
	}
	for _, buf := range h.frames {
		send(buf)
	}
	h.frames = nil
	h.on.Store(false)
}
