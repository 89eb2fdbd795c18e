// The program releve-manager is the management plane: sites, serial numbers,
// high-availability settings, networks, status and events, for people by an API
// and for vSockets by their channel.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"releve.dev/releve/disk"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/terminal"
)

func main() { os.Exit(terminal.Execute(rootCommand(), os.Args[1:])) }

// options is what all commands share.
type options struct{ data, database string }

func rootCommand() *cobra.Command {
	o := &options{}
	root := terminal.Group("releve-manager", "The manager of Relève sites", `releve-manager keeps the sites of its accounts, gives vSockets their settings,
and shows their status and events. It needs no other program: its database is
SQLite, in its data directory, unless --database names a PostgreSQL.`)
	root.PersistentFlags().StringVar(&o.data, "data", defaultData(), "data directory: database, certificate authority")
	root.PersistentFlags().StringVar(&o.database, "database", "", "postgres://USER@HOST/NAME; default: SQLite in the data directory")
	root.AddCommand(o.upCommand(), o.fingerprintCommand(), o.dbCommand(), o.backupCommand(), o.restoreCommand(),
		o.adminCommand(), terminal.Version("releve-manager"))
	return root
}

// defaultData is a daemon's folder for root, and one's own for others.
func defaultData() string {
	if os.Getuid() == 0 {
		return "/var/lib/releve-manager"
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "releve-manager")
	}
	return "releve-manager"
}

// url is the database's.
func (o *options) url() string {
	if o.database != "" {
		return o.database
	}
	return "sqlite:" + o.sqlite()
}

func (o *options) sqlite() string    { return filepath.Join(o.data, "manager.db") }
func (o *options) authority() string { return filepath.Join(o.data, "authority") }

// own keeps other managers out of the data directory. Two of them on one SQLite
// would not hear of each other's changes.
func (o *options) own() (*disk.Owned, error) {
	folder, err := disk.Own(o.data)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w\nhint: does another manager run? --data names a directory for this one", err)
	}
	return folder, nil
}

// existing opens a database that is there: a command that is mistyped must not
// make a new one. A manager may run meanwhile.
func (o *options) existing(ctx context.Context) (*store.Store, error) {
	if o.database == "" {
		if _, err := os.Stat(o.sqlite()); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no database %s\nhint: name the manager's data directory with --data", o.sqlite())
		}
	}
	return store.Open(ctx, o.url())
}

func (o *options) fingerprintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "fingerprint", Short: "Print the fingerprint by which this manager is known",
		Long:    "Print the SHA-256 of the manager's certificate authority, for `releve login --fingerprint`.",
		Example: "  releve-manager fingerprint",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(o.authority()); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no certificate authority in %s\nhint: name the manager's data directory with --data", o.data)
			}
			ca, err := authority.Open(o.authority())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%x\n", ca.Fingerprint())
			return err
		},
	}
}
