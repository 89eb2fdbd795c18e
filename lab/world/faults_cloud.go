package world

import (
	"context"
	"errors"
	"time"
)

func (w *World) cutTunnel(node string) (func() error, error) {
	return toggle(func(on bool) error {
		return w.eachPoP(func(pop string) error {
			return errors.Join(w.fabric.DropUDP(w.vmID(node), pop, primaryPort, on), w.fabric.DropUDP(w.vmID(node), pop, secondaryPort, on))
		})
	})
}

func (w *World) cutPoP(node string) (func() error, error) {
	return toggle(func(on bool) error {
		return w.eachPoP(func(pop string) error { return w.fabric.CutPair(w.vmID(node), pop, on) })
	})
}

// eachPoP does something to what the fabric calls each PoP.
func (w *World) eachPoP(do func(pop string) error) error {
	var failed []error
	for _, p := range w.cloud.pops {
		failed = append(failed, do(p.addr.String()))
	}
	return errors.Join(failed...)
}

// lateness is far above every lease, and as long as the longest that settings
// allow (ha.md section 3).
const lateness = 3 * time.Second

func (w *World) lateWitness(node string) (func() error, error) {
	late := func(by time.Duration) error {
		return w.eachPoP(func(pop string) error { return w.fabric.DelayWay(pop, w.vmID(node), by) })
	}
	return func() error { return late(0) }, late(lateness)
}

// restart is over at once: it has no end to wait for.
func (w *World) restart(node string) (func() error, error) {
	p := w.programs[node]
	ctx, cancel := context.WithTimeout(w.life, stopTime)
	defer cancel()
	if err := p.stop(ctx); err != nil {
		return nil, err
	}
	return p.run, p.run()
}
