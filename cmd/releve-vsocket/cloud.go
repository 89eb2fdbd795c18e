package main

import (
	"context"

	"github.com/spf13/cobra"

	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	wg "releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/tunnel"
)

// openTunnel opens the way to the cloud, where there is one.
func (u *unit) openTunnel() (err error) {
	cloud := u.cfg.Cloud
	if cloud == nil {
		return nil
	}
	cfg := tunnel.Config{
		Device: cloud.Device, PrivateKey: wg.Key(cloud.PrivateKeyBytes()), Address: cloud.Address,
		Program: []string{"/proc/self/exe", deviceUse}, Clock: agent.BootClock, Note: u.note,
	}
	if u.cfg.Egress == config.EgressTunnel {
		cfg.LAN = u.cfg.Interfaces.LAN.Name
	}
	for _, pop := range cloud.PoPs {
		cfg.PoPs = append(cfg.PoPs, tunnel.PoP{Name: pop.Name, Endpoint: pop.Endpoint,
			PublicKey: wg.Key(pop.PublicKeyBytes()), Witness: pop.Witness.Addr()})
	}
	u.tunnel, err = tunnel.Open(cfg)
	return err
}

func (u *unit) closeTunnel() error {
	if u.tunnel == nil {
		return nil
	}
	return u.tunnel.Close()
}

// complete adds to a status what isn't the agent's own: settings and tunnel.
func (u *unit) complete(status func(context.Context) (site.Status, error)) func(context.Context) (site.Status, error) {
	way := u.tunnel // this life's
	return func(ctx context.Context) (site.Status, error) {
		s, err := status(ctx)
		u.source.into(&s)
		if way == nil {
			return s, err
		}
		t := way.Status()
		if w := s.Witness; w != nil {
			t.Latency, t.Loss = &w.TripMS, w.Loss
		}
		s.Tunnel = &t
		return s, err
	}
}

const deviceUse = "device"

// deviceCommand is what the agent runs beside itself where the kernel has no
// WireGuard; nobody else has a use for it.
func deviceCommand() *cobra.Command {
	return &cobra.Command{
		Use: deviceUse + " NAME", Short: "Run a WireGuard device", Hidden: true,
		Args: terminal.Arguments(1, 1, "a name"),
		RunE: func(cmd *cobra.Command, args []string) error { return wg.Serve(cmd.Context(), args[0]) },
	}
}
