package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"releve.dev/releve/priority"
	"releve.dev/releve/site"
	"releve.dev/releve/slots"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/gate"
	"releve.dev/releve/vsocket/journal"
	"releve.dev/releve/vsocket/tunnel"
)

// unit is one running vSocket: the parts that outlive a single call.
type unit struct {
	cfg     *config.Config
	version site.Version
	boot    site.BootID
	nonce   uint64
	gate    *gate.Gate
	slots   *slots.Slots
	journal *journal.Journal
	tunnel  *tunnel.Tunnel // nil: there is no cloud
	door    door
}

// runAgent runs until it is told to stop. The first SIGTERM or SIGINT asks for
// a clean end, in which the peer takes over first; the second ends it at once.
func runAgent(ctx context.Context, cfg *config.Config) error {
	level, err := priority.Raise()
	if err != nil {
		slog.Warn("timers may be late on a busy machine", "priority", level, "reason", err)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	u, err := newUnit(cfg)
	if err != nil {
		return err
	}
	// The door first: a second agent finds it shut before it touches the gate.
	server, err := control.Serve(cfg.RunDir, u.door.handlers(u))
	if err != nil {
		return err
	}
	go u.door.relay(ctx, signals)
	if err = u.open(); err == nil {
		if cfg.HA == nil {
			err = u.runSolo(ctx)
		} else {
			err = u.runPair(ctx)
		}
		// The tunnel outlives the gate: who drains still needs it.
		err = errors.Join(err, u.gate.Close(), u.closeTunnel(), u.journal.Close())
	}
	return errors.Join(err, server.Close())
}

func newUnit(cfg *config.Config) (*unit, error) {
	u := &unit{cfg: cfg, version: cfg.Version, door: newDoor()}
	if u.version == (site.Version{}) {
		u.version = site.Release
	}
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	u.boot, u.nonce = site.BootID(random[:8]), binary.BigEndian.Uint64(random[8:])
	return u, nil
}

func (u *unit) journalDir() string { return filepath.Join(u.cfg.StateDir, "journal") }

func (u *unit) recordDir() string { return filepath.Join(u.cfg.StateDir, "record") }

func (u *unit) open() (err error) {
	if u.slots, err = slots.Open(u.cfg.StateDir); err == nil {
		u.journal, err = journal.Open(u.journalDir())
	}
	if err != nil {
		return fmt.Errorf("%w\nhint: is state_dir writable?", err)
	}
	in := u.cfg.Interfaces
	cfg := gate.Config{WAN: in.WAN.Name, LAN: in.LAN.Name, MGMT: in.MGMT.Name,
		NAT: u.cfg.Egress == config.EgressNAT, Clock: agent.BootClock}
	if u.cfg.Egress == config.EgressTunnel {
		cfg.Tunnel = u.cfg.Cloud.Device
	}
	if u.gate, err = gate.Open(cfg); err != nil {
		return errors.Join(err, u.journal.Close())
	}
	if err = u.openTunnel(); err != nil {
		return errors.Join(err, u.gate.Close(), u.journal.Close())
	}
	return nil
}

// runSolo is a vSocket without HA settings.
func (u *unit) runSolo(ctx context.Context) error {
	solo := agent.NewSolo(u.cfg.Site, u.cfg.Side, u.version, u.boot, u.gate)
	var mu sync.Mutex
	u.door.open(u.withTunnel(func(context.Context) (site.Status, error) {
		mu.Lock()
		defer mu.Unlock()
		return solo.Status(agent.BootClock()), nil
	}), nil)
	u.note("started", "without HA settings: Master by itself")
	u.note("gate opened", "")
	pace := time.NewTicker(agent.SoloPace)
	defer pace.Stop()
	for {
		mu.Lock()
		err := solo.Renew(agent.BootClock())
		mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-pace.C:
		case <-u.door.stop:
			u.note("stopped", "")
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func (u *unit) note(what, detail string) {
	u.journal.Append(site.Entry{Wall: time.Now(), At: agent.BootClock(), Who: u.cfg.Side.String(), What: what, Detail: detail})
}
