package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/channel"
	"releve.dev/releve/vsocket/config"
)

// addressFile says where the manager is, in the folder of who this vSocket is.
const addressFile = "address"

// managerFolder is where the identity and the last good settings are, and
// spoolFolder where events wait.
func managerFolder(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "manager") }
func spoolFolder(cfg *config.Config) string   { return filepath.Join(cfg.StateDir, "events") }

func (o *options) enrolCommand() *cobra.Command {
	var manager string
	cmd := &cobra.Command{
		Use: "enrol KEY", Short: "Make this vSocket one of the manager's",
		Long: `Enrol this vSocket at its manager, once. KEY is what "releve socket enrol-key"
prints: the serial number, a secret that is good once and for 24 hours, and the
fingerprint by which the manager is known. This vSocket makes a key of its own,
which never leaves it, and gets a certificate for it.

It fails over with or without the manager. "releve-vsocket channel" is what talks
to it from then on.`,
		Example: "  releve-vsocket enrol --manager manager.example:8443 RLV-XXXX-XXXX.….…",
		Args:    terminal.Arguments(1, 1, "the enrolment key"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			if _, _, err := net.SplitHostPort(manager); err != nil {
				return terminal.Usage(fmt.Errorf("--manager %q: want HOST:PORT\nhint: such as --manager manager.example:8443", manager))
			}
			key, err := site.ParseEnrolKey(args[0])
			if err != nil {
				return terminal.Usage(fmt.Errorf("%w\nhint: releve socket enrol-key SERIAL prints one", err))
			}
			folder, err := disk.Own(managerFolder(cfg))
			if err != nil {
				return err
			}
			identity, err := enrol(cmd.Context(), manager, dialManager(cfg), folder, key)
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

// enrol keeps the address first, since who is enrolled must have one, and puts the
// old one back if nothing came of it.
func enrol(ctx context.Context, manager string, dial channel.Dial, folder disk.Folder, key site.EnrolKey) (*channel.Identity, error) {
	old, err := folder.Read(addressFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := disk.Replace(folder, addressFile, []byte(manager+"\n")); err != nil {
		return nil, err
	}
	identity, err := channel.Enrol(ctx, manager, dial, folder, key)
	if err != nil && old != nil {
		err = errors.Join(err, disk.Replace(folder, addressFile, old))
	}
	return identity, err
}

func readAddress(folder disk.Folder) (string, error) {
	raw, err := folder.Read(addressFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("this vSocket has no manager\nhint: releve-vsocket enrol --manager HOST:PORT KEY")
	}
	return strings.TrimSpace(string(raw)), err
}
