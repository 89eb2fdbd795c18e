package main

import (
	"log/slog"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/probe"
)

// openProbes opens the sockets of the readings that fitness is made of.
func (p *pair) openProbes() (err error) {
	cfg := p.cfg
	p.probes, err = probe.Open(probe.Config{
		WAN: cfg.Interfaces.WAN.Name, Targets: cfg.Probes.WAN,
		LAN: cfg.Interfaces.LAN.Name, LANAddr: cfg.Interfaces.LAN.Address.Addr(),
		Gateway:  site.Gateway(cfg.Interfaces.LAN.Address),
		Interval: cfg.Probes.Interval,
	})
	return err
}

// probe hands the readings to the loop.
func (p *pair) probe() {
	err := p.probes.Run(p.ctx, func(kind fitness.Kind, ok bool) {
		p.loop.Post(p.ctx, func(now time.Duration) { p.driver.Reading(now, kind, ok) })
	})
	if err != nil {
		slog.Warn("closing the probes", "error", err)
	}
}
