package hub

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/site"
)

// retry is the time between two attempts to open a device that has died.
const retry = time.Second

// Run watches over the devices until ctx ends: one whose process has died is opened
// again, with all that was on it.
func (h *Hub) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, side := range Sides {
		all.Go(func() { h.watch(ctx, side) })
	}
	all.Wait()
}

func (h *Hub) watch(ctx context.Context, side site.Side) {
	name := h.cfg.Devices.Name(side)
	for {
		if d := h.up(side); d != nil {
			select {
			case <-d.Done():
			case <-ctx.Done():
				return
			}
			slog.Error("a tunnel device has died", "device", name)
		}
		err := h.reopen(side)
		if err == nil {
			slog.Info("the tunnel device is up again", "device", name)
			continue
		}
		slog.Error("the tunnel device can't be opened", "device", name, "reason", err)
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return
		}
	}
}

func (h *Hub) reopen(side site.Side) error {
	h.loading.Lock()
	defer h.loading.Unlock()
	if d := h.up(side); d != nil {
		h.setDevice(side, nil)
		_ = d.Close() // of what is dead already
	}
	d, err := h.openDevice(side)
	if err != nil {
		return err
	}
	if err := d.Set(h.peers(side)); err != nil {
		return errors.Join(err, d.Close())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.devices[side] = d
	return h.routeAll(side)
}
