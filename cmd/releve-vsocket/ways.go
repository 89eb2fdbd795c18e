package main

import (
	"errors"
	"reflect"

	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/gate"
)

// openWays opens the gate and the tunnel for a config. Those that are open already,
// and as they should be, stay: what the gate lets through goes on.
func (u *unit) openWays(cfg *config.Config) error {
	if u.gate != nil && sameWays(u.cfg, cfg) {
		u.cfg = cfg
		return nil
	}
	if err := u.closeWays(); err != nil {
		return err
	}
	u.cfg = cfg
	in := cfg.Interfaces
	opening := gate.Config{WAN: in.WAN.Name, LAN: in.LAN.Name, MGMT: in.MGMT.Name,
		NAT: cfg.Egress == config.EgressNAT, Clock: agent.BootClock}
	if cfg.Egress == config.EgressTunnel {
		opening.Tunnel = cfg.Cloud.Device
	}
	var err error
	if u.gate, err = gate.Open(opening); err != nil {
		return err
	}
	if err := u.openTunnel(); err != nil {
		return errors.Join(err, u.closeWays())
	}
	return nil
}

func (u *unit) closeWays() error {
	if u.gate == nil {
		return nil
	}
	err := errors.Join(u.gate.Close(), u.closeTunnel())
	u.gate, u.tunnel = nil, nil
	return err
}

// sameWays: neither the gate nor the tunnel would be another one. Its witness isn't
// the tunnel's business.
func sameWays(a, b *config.Config) bool {
	return a.Egress == b.Egress && reflect.DeepEqual(way(a), way(b))
}

func way(c *config.Config) *config.Cloud {
	if c.Cloud == nil {
		return nil
	}
	cloud := *c.Cloud
	cloud.SiteID, cloud.WitnessKey = 0, ""
	return &cloud
}
