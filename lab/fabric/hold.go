package fabric

import (
	"slices"
	"sync"
	"sync/atomic"

	"releve.dev/releve/lab/fabric/frame"
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

// offer takes copies of the packets of a frame if the hold is on; lost is for
// how many it had no room. While frames are being released, offer waits, so that
// the order stays.
func (h *hold) offer(buf []byte) (held bool, lost int) {
	if !h.on.Load() {
		return false, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on.Load() {
		return false, 0
	}
	for one := range frame.Packets(buf) {
		if len(h.frames) >= holdLen {
			lost++
			continue
		}
		h.frames = append(h.frames, slices.Clone(one))
	}
	return true, lost
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
