package fabric

import "releve.dev/releve/lab/fabric/tap"

// kernelDrops tells the frames that a guest's kernel dropped because the
// fabric didn't read quickly enough from those that it dropped for want of a
// carrier: it counts both as one, and only the first are the lab's fault.
type kernelDrops struct {
	off      bool   // the carrier is off, or not yet seen on by the kernel
	wanted   bool   // it is to be on
	last     uint64 // reading before the carrier went off, or the latest one
	excluded uint64
}

// carrier notes that the carrier is about to change; observe comes before it.
func (k *kernelDrops) carrier(down bool) {
	k.wanted = !down
	k.off = k.off || down
}

// observe takes a reading, and returns the overload's drops so far.
func (k *kernelDrops) observe(s tap.State) uint64 {
	switch {
	case !k.off:
		k.last = s.Dropped
	case k.wanted && s.Carrier:
		k.excluded += s.Dropped - k.last
		k.off, k.last = false, s.Dropped
	}
	return k.last - k.excluded
}

// readKernel is how many frames the guest's kernel dropped for the fabric's
// slowness; of an interface that is gone, the last that was known. Fabric.mu
// is held.
func (p *port) readKernel() uint64 {
	s, err := p.dev.State()
	if err != nil {
		return p.kernel.last - p.kernel.excluded
	}
	return p.kernel.observe(s)
}
