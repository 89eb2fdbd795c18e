// Package probe asks the outside whether it is there: Internet addresses by ICMP
// echo over the WAN, the LAN's gateway by ARP. It decides nothing; core/fitness
// turns the readings into a verdict.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"releve.dev/releve/core/fitness"
)

// Config says what to ask, and how often.
type Config struct {
	WAN      string       // interface
	Targets  []netip.Addr // Internet addresses; one that answers is enough
	LAN      string       // interface
	LANAddr  netip.Addr   // its own address
	Gateway  netip.Addr   // of the LAN's subnet; Azure's fabric answers ARP for it
	Interval time.Duration
}

// Monitor keeps asking.
type Monitor struct {
	cfg      Config
	echo     *echoSocket
	arp      *arpSocket
	echoSeen atomic.Uint64
	arpSeen  atomic.Uint64
}

// Open opens the sockets; it needs CAP_NET_RAW.
func Open(cfg Config) (*Monitor, error) {
	echo, err := openEcho(cfg.WAN)
	if err != nil {
		return nil, err
	}
	arp, err := openARP(cfg.LAN, cfg.LANAddr)
	if err != nil {
		return nil, errors.Join(err, echo.close())
	}
	return &Monitor{cfg: cfg, echo: echo, arp: arp}, nil
}

// Run gives a reading of each kind every interval until ctx ends: whether any
// answer has come since the one before. An answer that takes longer than an
// interval counts in a later one, so a long round trip is no loss.
func (m *Monitor) Run(ctx context.Context, emit func(kind fitness.Kind, ok bool)) error {
	done := make(chan struct{}, 2)
	go func() { m.echo.receive(m.cfg.Targets, func() { m.echoSeen.Add(1) }); done <- struct{}{} }()
	go func() { m.arp.receive(m.cfg.Gateway, func() { m.arpSeen.Add(1) }); done <- struct{}{} }()
	m.ask(0)
	pace := time.NewTicker(m.cfg.Interval)
	defer pace.Stop()
	for round := uint16(1); ; round++ {
		select {
		case <-pace.C:
			emit(fitness.WAN, m.echoSeen.Swap(0) > 0)
			emit(fitness.LAN, m.arpSeen.Swap(0) > 0)
			m.ask(round)
		case <-ctx.Done():
			err := errors.Join(m.echo.close(), m.arp.close())
			<-done
			<-done
			return err
		}
	}
}

// ask sends a round of questions. One that can't be sent isn't answered.
func (m *Monitor) ask(round uint16) {
	for _, target := range m.cfg.Targets {
		_ = m.echo.send(target, round)
	}
	_ = m.arp.ask(m.cfg.Gateway)
}

func refused(what string, err error) error {
	return fmt.Errorf("%s: %w\nhint: run as root or with CAP_NET_RAW, and compare `interfaces` in the config with `ip link`", what, err)
}
