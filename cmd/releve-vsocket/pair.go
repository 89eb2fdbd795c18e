package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/lan"
	"releve.dev/releve/vsocket/probe"
	"releve.dev/releve/vsocket/recorder"
	"releve.dev/releve/vsocket/witness"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// pair is one of two vSockets at work.
type pair struct {
	*unit
	ctx    context.Context
	links  *lan.Links
	asks   *witness.Client // nil: ARM is the third
	probes *probe.Monitor
	guest  *floating
	imds   *imds.Client
	tokens *imds.Tokens
	arm    *arm.Client
	driver *agent.Driver
	loop   *agent.Loop
	steps  *stepwise // nil but in a lab that asked for it

	file     *edition   // of this life
	ha       *config.HA // that counts now; the rest is as in cfg
	keys     *auth.Keys
	fromSolo bool
	change   change
	fips     readdress

	recorder *recorder.Recorder
}

func (u *unit) runPair(ctx context.Context, l life) (*joined, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &pair{unit: u, ctx: ctx, file: l.file, ha: u.cfg.HA, fromSolo: l.fromSolo, keys: auth.NewKeys(auth.NewHMAC(u.cfg.HA.KeyBytes()))}
	defer p.close() // also when the core panics: the record's last second shows why
	if err := p.open(); err != nil {
		cancel()
		return nil, unborn{err}
	}
	u.door.open(running{u.complete(p.status), p.apiTest, p.take, p.moved})
	go p.tokens.Run(ctx)
	go p.probe()
	wake := func() { p.loop.Post(ctx, func(time.Duration) { p.drain() }) }
	p.links.Watch(func(keepalive.Path) { wake() })
	if p.asks != nil {
		p.asks.Watch(wake)
	}
	slog.Info("started", "site", p.cfg.Site, "side", p.cfg.Side, "boot", p.boot)
	u.source.ran(l.joined)
	u.begun(ctx)
	err := p.loop.Run(u.door.stop)
	return p.change.next, err
}

func (p *pair) open() (err error) {
	cfg := p.cfg
	p.fips = newReaddress(p.kept, cfg.HA.FloatingIP)
	if p.guest, err = newFloating(cfg.Interfaces.LAN.Name, p.fips.To, p.fips.Former...); err != nil {
		return err
	}
	if p.imds, err = imds.New(imds.Config{Base: cfg.Azure.IMDS, ClientID: cfg.Azure.ClientID, Audience: audience(cfg)}); err != nil {
		return err
	}
	if err = p.openProbes(); err != nil {
		return err
	}
	p.tokens = imds.NewTokens(p.imds)
	if p.arm, err = arm.New(p.armConfig()); err != nil {
		return err
	}
	if p.links, err = lan.Open([keepalive.Paths]lan.Path{
		keepalive.LAN:  {Interface: cfg.Interfaces.LAN.Name, Local: cfg.Interfaces.LAN.Address.Addr(), Peer: cfg.HA.Peer.LAN},
		keepalive.MGMT: {Interface: cfg.Interfaces.MGMT.Name, Local: cfg.Interfaces.MGMT.Address.Addr(), Peer: cfg.HA.Peer.MGMT},
	}, keepalive.Port); err != nil {
		return err
	}
	if err = p.openWitness(); err != nil {
		return err
	}
	if p.recorder, err = recorder.Open(p.recordDir()); err != nil {
		return err
	}
	if p.steps, err = newStepwise(p.journal.Sync, p.keys); err != nil {
		return err
	}
	p.driver, err = agent.NewDriver(p.driverConfig(), p.steps.wrap(p.seal(agent.Ports{
		Links: talk{p}, Gate: p.gate, Guest: p.guest, Cloud: cloud{p}, Metadata: metadata{p}, Store: p.slots, Journal: p.journal,
		Recorder: p.recorder, MAC: p.keys, Wall: time.Now,
	})), p.boot, p.nonce, agent.BootClock())
	if err != nil {
		return err
	}
	p.loop = agent.NewLoop(p.driver, agent.BootClock, p.drain)
	p.fips.driver, p.fips.post = p.driver, func(fn func(time.Duration)) { p.loop.Post(p.ctx, fn) }
	return nil
}

// status asks the loop for as long as this life lasts.
func (p *pair) status(ctx context.Context) (site.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	status, err := p.loop.Status(ctx)
	if p.ctx.Err() != nil {
		err = errStarting
	}
	return status, err
}

// openWitness opens the way to the witness, where it is the third.
func (p *pair) openWitness() (err error) {
	if p.cfg.HA.Third != config.ThirdWitness {
		return nil
	}
	cloud := p.cfg.Cloud
	var witnesses []netip.AddrPort
	for _, pop := range cloud.PoPs {
		witnesses = append(witnesses, pop.Witness)
	}
	p.asks, err = witness.Open(witness.Config{Local: cloud.Address, Witness: witnesses,
		Use: p.tunnel.Use, Answered: p.tunnel.Answered, Missed: p.tunnel.Missed, Retry: p.tunnel.Retry})
	return err
}

// seal adds the way to the witness to the ports.
func (p *pair) seal(ports agent.Ports) agent.Ports {
	if p.asks != nil {
		ports.Witness, ports.Sealed = p.asks, auth.NewHMAC(p.cfg.Cloud.WitnessKeyBytes())
	}
	return ports
}

// close closes what open has opened, however far it came.
func (p *pair) close() {
	if p.driver != nil {
		p.driver.Close()
	}
	if p.recorder != nil {
		if err := p.recorder.Close(); err != nil {
			slog.Warn("writing the record", "error", err)
		}
	}
	if p.arm != nil {
		p.arm.Close()
	}
	if p.asks != nil {
		if err := p.asks.Close(); err != nil {
			slog.Warn("closing the witness's socket", "error", err)
		}
	}
	if p.links != nil {
		if err := p.links.Close(); err != nil {
			slog.Warn("closing the keepalives' sockets", "error", err)
		}
	}
	if p.loop == nil && p.probes != nil {
		p.probe() // ctx is over: it closes them
	}
}

func audience(cfg *config.Config) string {
	if cfg.Azure.Audience != "" {
		return cfg.Azure.Audience
	}
	return cfg.Azure.Endpoint
}

func (p *pair) armConfig() arm.Config {
	az := p.cfg.Azure
	c := arm.Config{
		Endpoint: az.Endpoint, Audience: az.Audience, CAFile: az.CAFile,
		NIC:     arm.NICID(az.Subscription, az.NIC.Group, az.NIC.Name),
		PeerNIC: arm.NICID(az.Subscription, az.PeerNIC.Group, az.PeerNIC.Name),
		Dialer:  byMGMT(p.cfg), Tokens: p.tokens, Clock: agent.BootClock,
	}
	if az.PeerVM.Name != "" {
		c.PeerVM = arm.VMID(az.Subscription, az.PeerVM.Group, az.PeerVM.Name)
	}
	return c
}

// configName is the floating IP's configuration on a NIC that gets it anew.
const configName = "releve-fip"

func (p *pair) driverConfig() agent.Config {
	cfg, az := p.cfg, p.cfg.Azure
	return agent.Config{
		Site: cfg.Site, FloatingIP: p.fips.To, HA: p.haConfig(cfg.HA),
		Steer: steer.Config{Side: cfg.Side, FloatingIP: p.fips.To, Change: p.fips.Change, ConfigName: configName,
			SubnetID: arm.SubnetID(az.Subscription, az.Subnet.Group, az.Subnet.VNet, az.Subnet.Name), PeerVM: az.PeerVM.Name != ""},
		Fitness: fitness.Config{Failures: cfg.Probes.Failures, Recovery: cfg.Probes.Recovery, Version: p.version},
	}
}

// drain hands over the datagrams that wait in the sockets, and does what new
// settings have waited for.
func (p *pair) drain() {
	defer func() { p.review(agent.BootClock()) }()
	if p.asks != nil {
		p.asks.Drain(func(reply []byte) { p.driver.Reply(agent.BootClock(), reply) })
	}
	p.links.Drain(func(path keepalive.Path, datagram []byte) {
		p.driver.Datagram(agent.BootClock(), path, datagram)
	})
}

// cloud is the agent's port to ARM.
type cloud struct{ *pair }

func (c cloud) Start(request steer.Request) {
	c.steps.put(request, "")
	c.arm.Start(request, func(response steer.Response) {
		c.loop.Post(c.ctx, func(now time.Duration) {
			c.steps.put(request, "-answered")
			c.driver.Response(now, &response)
		})
	})
}

// metadata is the agent's port to IMDS.
type metadata struct{ *pair }

const metadataTimeout = time.Second

func (m metadata) Start() {
	sentAt, addrs := agent.BootClock(), m.guest.addrs
	go func() {
		ctx, cancel := context.WithTimeout(m.ctx, metadataTimeout)
		defer cancel()
		mine, err := m.imds.Lists(ctx, m.cfg.Interfaces.LAN.Address.Addr(), addrs...)
		if err != nil {
			err = fmt.Errorf("imds: %w", err)
		}
		m.loop.Post(m.ctx, func(now time.Duration) { m.driver.MetadataRead(now, sentAt, mine, err) })
	}()
}
