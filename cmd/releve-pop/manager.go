package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
	"releve.dev/releve/pop/channel"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/pop/state"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

func (o *options) enrolCommand() *cobra.Command {
	var manager string
	cmd := &cobra.Command{
		Use: "enrol KEY", Short: "Make this PoP one of the manager's",
		Long: `Enrol this PoP at its manager, once. KEY is what "releve pop enrol-key" prints: the
serial number, a secret that is good once and for 24 hours, and the fingerprint by
which the manager is known.

It serves with or without the manager. "releve-pop channel" is what talks to it from
then on, and brings the sites; those in the file stay, and come first.`,
		Example: "  releve-pop enrol --manager manager.example:8443 RLV-XXXX-XXXX.….…",
		Args:    terminal.Arguments(1, 1, "the enrolment key"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			cfg, err := o.load()
			if err != nil {
				return err
			}
			if _, _, err := net.SplitHostPort(manager); err != nil {
				return terminal.Usage(fmt.Errorf("--manager %q: want HOST:PORT", manager))
			}
			key, err := site.ParseEnrolKey(args[0])
			if err != nil {
				return terminal.Usage(fmt.Errorf("%w\nhint: releve pop enrol-key POP prints one", err))
			}
			folder, err := disk.Own(channel.Folder(cfg.StateDir))
			if err != nil {
				return err
			}
			identity, err := line.EnrolAt(cmd.Context(), manager, folder, key)
			if err = errors.Join(err, folder.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "enrolled as %s at %s; the certificate is good until %s, and is renewed before\n",
				identity.Serial, manager, identity.NotAfter.Format("2006-01-02"))
			return nil
		}),
	}
	cmd.Flags().StringVar(&manager, "manager", "", "where the manager is: HOST:PORT")
	return cmd
}

func (o *options) channelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "channel", Short: "Talk to the manager",
		Long: `Tell the manager where this PoP is, keep the sites that it gives on the disk, and
have the running PoP serve them. It is a process of its own: without it, and without
the manager, the PoP serves what it has.`,
		Example: "  releve-pop channel --config /etc/releve/pop.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.load()
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
	folder, err := disk.Own(channel.Folder(cfg.StateDir))
	if err != nil {
		return err
	}
	defer folder.Close()
	c, err := openChannel(cfg, folder)
	if err != nil {
		return err
	}
	slog.Info("channel to the manager", "serial", c.State().Serial)
	if err := c.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func openChannel(cfg *config.Config, folder disk.Folder) (*channel.Channel, error) {
	manager, err := line.Address(folder)
	if err != nil {
		return nil, err
	}
	own, err := local(cfg)
	if err != nil {
		return nil, err
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return nil, fmt.Errorf("which machine this is: %w", err)
	}
	return channel.Open(channel.Config{Manager: manager, Folder: folder, Local: own, PoP: control.Dial(control.Socket(cfg.RunDir)),
		Version: site.Release, Machine: strings.TrimSpace(string(machine)), Log: slog.Default()})
}

// local is what only this machine knows.
func local(cfg *config.Config) (*contract.LocalPoP, error) {
	key, err := state.Key(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	public := key.Public()
	return &contract.LocalPoP{Endpoint: cfg.Uplink.Endpoint().String(), PrimaryPort: uint32(cfg.Listen.Primary), SecondaryPort: uint32(cfg.Listen.Secondary),
		PublicKey: public[:], Witness: netip.AddrPortFrom(cfg.Witness.Address, uint16(cfg.Witness.Port)).String()}, nil
}
