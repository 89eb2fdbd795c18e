package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"releve.dev/releve/disk"
	"releve.dev/releve/priority"
	"releve.dev/releve/site"
	"releve.dev/releve/slots"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/gate"
	"releve.dev/releve/vsocket/journal"
	"releve.dev/releve/vsocket/routes"
	"releve.dev/releve/vsocket/tunnel"
)

// unit is one running vSocket: the parts that outlive a single call.
type unit struct {
	source  *source
	cfg     *config.Config // of the present life
	version site.Version
	boot    site.BootID // of the present life
	nonce   uint64
	routes  routes.Keeper
	gate    *gate.Gate
	slots   *slots.Slots
	kept    disk.Folder // of a change of the floating IP
	journal *journal.Journal
	tunnel  *tunnel.Tunnel // nil: there is no cloud
	door    door
}

// runAgent runs until it is told to stop. The first SIGTERM or SIGINT asks for
// a clean end, in which the peer takes over first; the second ends it at once.
func runAgent(ctx context.Context, path string) error {
	source, err := newSource(path)
	if err != nil {
		return err
	}
	if err := checkVoid(source.file.cfg); err != nil {
		return err
	}
	level, err := priority.Raise()
	if err != nil {
		slog.Warn("timers may be late on a busy machine", "priority", level, "reason", err)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	u := &unit{source: source, cfg: source.file.cfg, version: source.file.cfg.Version, door: newDoor()}
	if u.version == (site.Version{}) {
		u.version = site.Release
	}
	// The door first: a second agent finds it shut before it touches the gate.
	server, err := control.Serve(u.cfg.RunDir, u.door.handlers(u))
	if err != nil {
		return err
	}
	go u.door.relay(ctx, signals)
	ready, err := u.await(ctx)
	if ready {
		err = u.run(ctx)
	}
	return errors.Join(err, server.Close())
}

func (u *unit) journalDir() string { return filepath.Join(u.cfg.StateDir, "journal") }

func (u *unit) recordDir() string { return filepath.Join(u.cfg.StateDir, "record") }

func (u *unit) run(ctx context.Context) error {
	applied, err := disk.Own(appliedFolder(u.cfg))
	if err == nil {
		defer applied.Close()
		u.source.applied = applied
		var kept *disk.Owned
		if kept, err = disk.Own(addressesFolder(u.cfg)); err == nil {
			defer kept.Close()
			u.kept = kept
		}
	}
	if err == nil {
		u.slots, err = slots.Open(u.cfg.StateDir)
	}
	if err == nil {
		u.journal, err = journal.Open(u.journalDir())
	}
	if err != nil {
		return fmt.Errorf("%w\nhint: is state_dir writable?", err)
	}
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	go u.routes.Run(keeping)
	err = u.lives(ctx)
	// The tunnel outlives the gate: who drains still needs it.
	return errors.Join(err, u.closeWays(), u.journal.Close())
}

func (u *unit) note(what, detail string) {
	u.journal.Append(site.Entry{Wall: time.Now(), At: agent.BootClock(), Who: u.cfg.Side.String(), What: what, Detail: detail})
}
