package world

import (
	"context"
	"time"

	"releve.dev/releve/lab/azuresite"
)

func (w *World) cutTunnel(node string) (func() error, error) {
	return toggle(func(on bool) error {
		for _, port := range []uint16{primaryPort, secondaryPort} {
			if err := w.fabric.DropUDP(w.vmID(node), azuresite.PoPAddr.String(), port, on); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *World) cutPoP(node string) (func() error, error) {
	return toggle(func(on bool) error { return w.fabric.CutPair(w.vmID(node), azuresite.PoPAddr.String(), on) })
}

// lateness is far above every lease, and as long as the longest that settings
// allow (ha.md section 3).
const lateness = 3 * time.Second

func (w *World) lateWitness(node string) (func() error, error) {
	late := func(by time.Duration) error { return w.fabric.DelayWay(azuresite.PoPAddr.String(), w.vmID(node), by) }
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
