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
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/remote"
	"releve.dev/releve/vsocket/reporter"
	"releve.dev/releve/vsocket/spool"
)

func (o *options) channelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "channel", Short: "Talk to the manager",
		Long: `Tell the manager what the agent beside it says of itself, keep events on the disk
until the manager has them, and keep the settings that the manager gives. It is a
process of its own, so that nothing of it delays a keepalive; without it the two
vSockets fail over as they do with it.

The settings are kept, and not joined to the agent's file yet: the agent runs with
its file.`,
		Example: "  releve-vsocket channel --config /etc/releve/vsocket.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return runChannel(ctx, cfg)
		},
	}
}

func runChannel(ctx context.Context, cfg *config.Config) error {
	folder, err := disk.Own(managerFolder(cfg))
	if err != nil {
		return err
	}
	defer folder.Close()
	events, err := disk.Own(spoolFolder(cfg))
	if err != nil {
		return err
	}
	defer events.Close()
	boot, err := newBoot()
	if err != nil {
		return err
	}
	kept, err := spool.Open(events, spool.Options{Boot: boot})
	if err != nil {
		return err
	}
	defer kept.Close()
	line, err := openChannel(cfg, folder, kept)
	if err != nil {
		return err
	}
	self := event.Self{Serial: string(line.State().Serial), Boot: fmt.Sprintf("%016x", boot), WAN: cfg.Interfaces.WAN.Name, LAN: cfg.Interfaces.LAN.Name}
	teller, err := reporter.New(reporter.Config{
		Self: self, Limits: event.Defaults(), Folder: folder, Spool: kept, Sink: line, Log: slog.Default(),
		Status:   control.Dial(control.Socket(cfg.RunDir)).Status,
		Assigned: func() event.Assigned { return event.Assigned{} }, // the agent runs with its file
		Now:      moment,
	})
	if err != nil {
		return err
	}
	slog.Info("channel to the manager", "serial", self.Serial)
	done := make(chan struct{})
	go func() { defer close(done); teller.Run(ctx) }()
	err = line.Run(ctx)
	<-done
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func openChannel(cfg *config.Config, folder disk.Folder, kept *spool.Spool) (*channel.Channel, error) {
	manager, err := readAddress(folder)
	if err != nil {
		return nil, err
	}
	version := cfg.Version
	if version == (site.Version{}) {
		version = site.Release
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return nil, fmt.Errorf("which machine this is: %w", err)
	}
	return channel.Open(channel.Config{
		Manager: manager, Folder: folder, Spool: kept, Version: version, Serve: remote.New(control.Socket(cfg.RunDir)).Serve,
		Machine: strings.TrimSpace(string(machine)), Log: slog.Default(),
	})
}

func newBoot() (uint64, error) {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return 0, err
	}
	return max(1, binary.BigEndian.Uint64(random[:])), nil
}

var started = time.Now()

// moment: Go's monotonic clock stands still while the machine sleeps, and so does
// the agent.
func moment() event.Now {
	now := time.Now()
	return event.Now{At: now.Sub(started), Wall: now}
}
