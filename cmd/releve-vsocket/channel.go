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

	contract "releve.dev/releve/channel"
	"releve.dev/releve/core/event"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/join"
	"releve.dev/releve/vsocket/remote"
	"releve.dev/releve/vsocket/reporter"
	"releve.dev/releve/vsocket/spool"
	"releve.dev/releve/vsocket/webui"
)

func (o *options) channelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "channel", Short: "Talk to the manager",
		Long: `Tell the manager what the agent beside it says of itself, keep events on the disk
until the manager has them, and keep the settings that the manager gives. It is a
process of its own, so that nothing of it delays a keepalive; without it the two
vSockets fail over as they do with it.

What the manager gives is joined to the agent's file: what only the VM knows is in
the file, what the site decides comes from the manager. The agent is told at once,
and an agent that starts later finds it on the disk. releve-vsocket status says
which generation is saved and which the agent runs with, and why if they differ.

A file "enrol" beside the config file, with HOST:PORT and an enrolment key, is
enrolled by first, for as long as it takes, and taken away.`,
		Example: "  releve-vsocket channel --config /etc/releve/vsocket.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return runChannel(ctx, cfg, enrolFile(o.config))
		},
	}
}

func runChannel(ctx context.Context, cfg *config.Config, pending string) error {
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
	if err := awaitNames(ctx, &cfg.Interfaces, func(absent error) { slog.Warn("waiting for an interface", "reason", absent) }); err != nil {
		return stopped(err)
	}
	if err := enrolPending(ctx, pending, folder, func(ctx context.Context, manager string, key site.EnrolKey) error {
		_, err := enrol(ctx, manager, dialManager(cfg), folder, key)
		return err
	}); err != nil {
		return stopped(err)
	}
	agent := control.Dial(control.Socket(cfg.RunDir))
	line, err := openChannel(cfg, folder, kept, agent)
	if err != nil {
		return err
	}
	self := event.Self{Serial: string(line.State().Serial), Boot: fmt.Sprintf("%016x", boot), WAN: cfg.Interfaces.WAN.Name, LAN: cfg.Interfaces.LAN.Name}
	teller, err := reporter.New(reporter.Config{
		Self: self, Limits: event.Defaults(), Folder: folder, Spool: kept, Sink: line, Log: slog.Default(),
		Status:  agent.Status,
		Stirred: stirred(ctx, agent),
		Journal: func(ctx context.Context, since time.Time) ([]site.Entry, error) {
			return journalSince(ctx, agent, since)
		},
		Assigned: func(s *site.Status) event.Assigned { return assigned(line, s) },
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
	return stopped(err)
}

// stirred tells when the agent writes a line into its journal: people see on the
// manager's pages within a second what it did (F10).
func stirred(ctx context.Context, agent *control.Client) <-chan struct{} {
	lines := make(chan struct{}, 1)
	go func() {
		again := time.NewTicker(reporter.Interval)
		defer again.Stop()
		for ctx.Err() == nil {
			// Its error is that no agent runs, which the reporter sees by itself.
			_ = agent.Journal(ctx, time.Now(), true, func(site.Entry) error {
				select {
				case lines <- struct{}{}:
				default:
				}
				return nil
			})
			select {
			case <-again.C:
			case <-ctx.Done():
			}
		}
	}()
	return lines
}

// journalSince is what the agent's journal has, as far as it is read before ctx ends.
func journalSince(ctx context.Context, agent *control.Client, since time.Time) (rows []site.Entry, err error) {
	err = agent.Journal(ctx, since, false, func(e site.Entry) error {
		rows = append(rows, e)
		return nil
	})
	return rows, err
}

// dialManager: the manager is reached like ARM.
func dialManager(cfg *config.Config) channel.Dial {
	dialer := byMGMT(cfg)
	if dialer == nil {
		return nil
	}
	dialer.Timeout = 10 * time.Second
	return dialer.DialContext
}

// stopped: to be told to end is no failure.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func openChannel(cfg *config.Config, folder disk.Folder, kept *spool.Spool, agent *control.Client) (*channel.Channel, error) {
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
	key, err := join.OwnKey(managerFolder(cfg))
	if err != nil {
		return nil, err
	}
	return channel.Open(channel.Config{
		Manager: manager, Dial: dialManager(cfg), Folder: folder, Spool: kept, Version: version,
		Machine: strings.TrimSpace(string(machine)), Log: slog.Default(), Local: join.Local(cfg, key),
		Apply: func(ctx context.Context, _ *contract.Settings) error { return apply(ctx, agent) },
		Void:  func() { unassigned(folder, agent) },
		Serve: remote.New(control.Socket(cfg.RunDir), webui.Socket(cfg.RunDir)).Serve,
	})
}

// apply tells the agent that there are other settings on the disk.
func apply(ctx context.Context, agent *control.Client) error {
	status, err := agent.Settings(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("kept for the agent's next start: %w", err)
	case status.Problem != "":
		return errors.New(status.Problem)
	case status.Applied != status.Saved:
		return errors.New("the agent is about to take them")
	}
	return nil
}

// assigned is what the agent runs with of the manager's, by its own word.
func assigned(line *channel.Channel, s *site.Status) event.Assigned {
	if s.Settings == nil {
		return event.Assigned{}
	}
	line.Applied(s.Settings.Applied, s.Settings.Problem)
	return event.Assigned{PeerSerial: line.Settings().GetHa().GetPeerSerial(), Generation: s.Settings.Applied}
}

// unassigned: the agent hands over if need be, ends, and doesn't start again.
func unassigned(folder disk.Folder, agent *control.Client) {
	if err := keepVoid(folder); err != nil {
		slog.Error("that this vSocket is void can't be kept", "error", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), reporter.Interval)
	defer cancel()
	if err := agent.Stop(ctx); err != nil && !errors.Is(err, control.ErrNotRunning) {
		slog.Error("the agent of a void vSocket can't be stopped", "error", err)
	}
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
