package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
)

// runSolo is a vSocket without HA settings. It takes all others as they come.
func (u *unit) runSolo(ctx context.Context, l life) (*joined, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	solo := agent.NewSolo(l.cfg.Site, l.cfg.Side, u.version, u.boot, u.gate)
	var mu sync.Mutex
	came := make(chan joined)
	u.door.open(running{status: u.complete(func(context.Context) (site.Status, error) {
		mu.Lock()
		defer mu.Unlock()
		return solo.Status(agent.BootClock()), nil
	}), take: func(asking context.Context, next joined) error {
		select {
		case came <- next:
			return nil
		case <-asking.Done():
			return asking.Err()
		case <-ctx.Done():
			return errStarting
		}
	}})
	if l.settings != nil { // HA is off: nobody moves a floating IP any more
		if err := forgetAddresses(u.kept); err != nil {
			slog.Warn("a change of the floating IP can't be forgotten", "error", err)
		}
	}
	if err := u.gate.Drain(0); err != nil { // a pair's
		return nil, err
	}
	u.note("started", "without HA settings: Master by itself")
	u.note("gate opened", "")
	u.source.ran(l.joined)
	u.begun(ctx)
	pace := time.NewTicker(agent.SoloPace)
	defer pace.Stop()
	for {
		mu.Lock()
		err := solo.Renew(agent.BootClock())
		mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-pace.C:
		case next := <-came:
			if next.cfg.HA != nil || !sameWays(u.cfg, next.cfg) {
				return &next, nil
			}
			u.cfg = next.cfg
			u.source.ran(next)
		case <-u.door.stop:
			u.note("stopped", "")
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}
