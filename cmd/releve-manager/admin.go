package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/terminal"
)

func (o *options) adminCommand() *cobra.Command {
	group := terminal.Group("admin", "What only who has the manager's machine may do",
		"Help for whoever has the manager's machine: a locked-out owner, another account.\nThe manager may run meanwhile.")
	group.AddCommand(o.recoverCommand(), o.accountCommand())
	return group
}

func (o *options) recoverCommand() *cobra.Command {
	return &cobra.Command{
		Use: "recover NAME", Short: "Make a code for an owner who can't log in",
		Long: `Make a code with which a person sets their password anew. They are an owner
from then on, and not disabled any more. The audit log says so.`,
		Example: "  releve-manager admin recover owner",
		Args:    terminal.Arguments(1, 1, "a person's name"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(ctx context.Context, db *store.Store) error {
				code, err := access.New(db, time.Now).Recover(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", code)
				return err
			})
		}),
	}
}

func (o *options) accountCommand() *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use: "account NAME", Short: "Make another account, and its first owner",
		Long:    "Make another account. What it owns is nobody else's. Prints the code of its first owner.",
		Example: "  releve-manager admin account example-corp --owner alice",
		Args:    terminal.Arguments(1, 1, "a name"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(ctx context.Context, db *store.Store) error {
				made, err := inventory.New(db, inventory.Config{}).CreateAccount(ctx, args[0])
				if err != nil {
					return err
				}
				_, code, err := access.New(db, time.Now).AddPerson(ctx, inventory.Actor{Account: made.ID, ID: "system"}, owner, access.Owner)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", code)
				return err
			})
		}),
	}
	cmd.Flags().StringVar(&owner, "owner", "", "name of its first owner")
	if err := cmd.MarkFlagRequired("owner"); err != nil {
		panic("releve-manager: " + err.Error())
	}
	return cmd
}

// with opens the database for one command.
func (o *options) with(ctx context.Context, do func(context.Context, *store.Store) error) error {
	db, err := o.existing(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, db), db.Close())
}
