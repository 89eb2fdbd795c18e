package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"releve.dev/releve/manager/store"
	"releve.dev/releve/terminal"
)

func (o *options) dbCommand() *cobra.Command {
	group := terminal.Group("db", "Move the database", "Move the manager's database from SQLite to PostgreSQL.")
	var to string
	copying := &cobra.Command{
		Use: "copy", Short: "Copy SQLite into a new PostgreSQL database",
		Long: `Copy all of the manager's SQLite database into a new PostgreSQL database, as it
is at one moment, all or nothing. Stop the manager first, so that nothing is
changed after it; start it with --database then.`,
		Example: "  releve-manager db copy --to postgres://releve@db.example/releve",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			folder, err := o.own()
			if err != nil {
				return err
			}
			err = o.with(cmd.Context(), func(ctx context.Context, from *store.Store) error { return copyTo(ctx, cmd, from, to) })
			return errors.Join(err, folder.Close())
		}),
	}
	copying.Flags().StringVar(&to, "to", "", "postgres://USER@HOST/NAME")
	if err := copying.MarkFlagRequired("to"); err != nil {
		panic("releve-manager: " + err.Error())
	}
	group.AddCommand(copying)
	return group
}

func copyTo(ctx context.Context, cmd *cobra.Command, from *store.Store, url string) error {
	to, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	copied, err := store.Copy(ctx, from, to)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	g := terminal.NewGrid(cmd.OutOrStdout(), "TABLE", "ROWS")
	for _, c := range copied {
		g.Row(c.Table, fmt.Sprint(c.Rows))
	}
	return g.Write(cmd.OutOrStdout())
}

func (o *options) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Back up the database, while the manager runs",
		Long: `Write the SQLite database, as it is at one moment, into a new file. The manager
may run meanwhile. The certificate authority isn't in it: copy DATA/authority too,
once, or no vSocket will believe a restored manager.`,
		Example: "  releve-manager backup /backup/manager.db",
		Args:    terminal.Arguments(1, 1, "a file that isn't there yet"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(ctx context.Context, db *store.Store) error { return db.Backup(ctx, args[0]) })
		}),
	}
}

func (o *options) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "Make a database of a backup",
		Long:    "Make the manager's SQLite database of a backup. The manager must not run, and there must be no database yet.",
		Example: "  releve-manager restore /backup/manager.db",
		Args:    terminal.Arguments(1, 1, "a backup"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			folder, err := o.own()
			if err != nil {
				return err
			}
			return errors.Join(store.Restore(cmd.Context(), args[0], o.url()), folder.Close())
		}),
	}
}
