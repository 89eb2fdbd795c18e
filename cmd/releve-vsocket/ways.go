package main

import (
	"errors"
	"net"
	"reflect"

	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/gate"
	"releve.dev/releve/vsocket/routes"
)

// openWays opens the gate and the tunnel for a config. Those that are open already,
// and as they should be, stay: what the gate lets through goes on.
func (u *unit) openWays(cfg *config.Config) error {
	if u.gate != nil && sameWays(u.cfg, cfg) {
		u.cfg = cfg
		u.routes.Use(leads(cfg))
		return nil
	}
	if err := u.closeWays(); err != nil {
		return err
	}
	u.cfg = cfg
	u.routes.Use(leads(cfg))
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

// leads is what of routing is the agent's.
func leads(c *config.Config) routes.Want {
	if c.Routes != config.RoutesOwn {
		return routes.Want{}
	}
	leg := func(i config.Interface) routes.Leg { return routes.Leg{Name: i.Name, Address: i.Address} }
	want := routes.Want{WAN: leg(c.Interfaces.WAN), LAN: leg(c.Interfaces.LAN), MGMT: leg(c.Interfaces.MGMT)}
	if c.Egress == config.EgressTunnel {
		want.Tunnel = c.Cloud.Device
	}
	if c.Cloud != nil {
		for _, pop := range c.Cloud.PoPs {
			want.Outside = append(want.Outside, pop.Endpoint.Addr())
		}
	}
	return want
}

// byMGMT is how ARM and the manager are reached (C3); nil: as the system's routes have
// it.
func byMGMT(c *config.Config) *net.Dialer {
	if c.Routes != config.RoutesOwn {
		return nil
	}
	return routes.By(c.Interfaces.MGMT.Address.Addr())
}
