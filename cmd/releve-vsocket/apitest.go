package main

import (
	"context"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
)

// apiTest is F5: the steps of a takeover that can be tried at rest.
func (p *pair) apiTest(ctx context.Context, emit func(step any) error) error {
	test := p.apiTestConfig(func() string { return p.busy(ctx) })
	_, err := apitest.Run(ctx, test, func(step apitest.Step) error { return emit(step) })
	return err
}

func (p *pair) apiTestConfig(busy func() string) apitest.Config {
	az := p.cfg.Azure
	return apitest.Config{
		Metadata: p.imds, ARM: p.arm,
		LAN: p.cfg.Interfaces.LAN.Address.Addr(), PeerLAN: p.cfg.HA.Peer.LAN,
		Subnet:   arm.SubnetID(az.Subscription, az.Subnet.Group, az.Subnet.VNet, az.Subnet.Name),
		Endpoint: az.Endpoint, ClientID: az.ClientID,
		Busy: busy,
	}
}

// busy says why the API test must not write now: a takeover comes first.
func (p *pair) busy(ctx context.Context) string {
	status, err := p.loop.Status(ctx)
	switch {
	case err != nil:
		return "the agent doesn't answer"
	case status.Role == site.Claiming:
		return "a takeover is under way"
	case status.Role == site.Active && !status.FIP.Steered:
		return "the floating IP is being moved"
	case status.Role == site.Standby && !status.Peer.Heard:
		return "the peer is silent, and a takeover may begin at any moment"
	case status.Gate.DrainMS > 0:
		return "a handover is under way"
	}
	return ""
}
