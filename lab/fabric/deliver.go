package fabric

import (
	"errors"
	"time"

	"releve.dev/releve/lab/fabric/tap"
)

// hand gives a frame to a guest, unless it is paused or unreachable by now.
func (f *Fabric) hand(to *port, buf []byte) {
	if held, lost := to.in.offer(buf); held {
		to.count.drops[dropPaused].Add(uint64(lost))
		return
	}
	f.write(to, buf)
}

func (f *Fabric) write(to *port, buf []byte) {
	v := f.view.Load()
	if to.index >= len(v.ends) || v.ends[to.index] == nil || v.ends[to.index].port != to {
		return // detached meanwhile
	}
	switch e := v.ends[to.index]; {
	case e.down:
		to.count.drop(dropLinkDown, buf)
		return
	case e.cutIn:
		to.count.drop(dropCut, buf)
		return
	}
	f.record(to, buf)
	err := to.dev.Write(buf)
	switch {
	case err == nil:
		to.count.toGuest(buf)
	case errors.Is(err, tap.ErrBusy):
		to.count.drop(dropGuestFull, buf)
	case errors.Is(err, tap.ErrDown):
		to.count.drop(dropGuestDown, buf)
	default:
		to.count.drop(dropRefused, buf)
	}
}

// delay puts a copy of the frame on the line. Without a delay (one has ended)
// it only does so while earlier packets are still under way.
func (f *Fabric) delay(src, dst *end, by time.Duration, buf []byte) reason {
	way := uint64(src.port.index)<<32 | uint64(dst.port.index)
	if by == 0 && f.line.clear(way) {
		f.hand(dst.port, buf)
		return delivered
	}
	if !f.line.put(dst.port, way, by, buf) {
		return dropDelayFull
	}
	return delivered
}
