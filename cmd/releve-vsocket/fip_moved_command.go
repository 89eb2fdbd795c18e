package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

func (o *options) fipMovedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "fip-moved", Short: "Say that no route leads to the former floating IP any more",
		Long: `While the floating IP changes, the former one stays beside the new one until no
route table names it as next hop. Where the vSocket's identity may not read the
route tables, that is for a person to say, on the active vSocket: once all
entries that named the former one lead to the new one, or elsewhere.

Traffic of a route that still leads to the former one is lost from then on.`,
		Example: "  releve-vsocket status        # shows the change, and what can't be read\n  releve-vsocket fip-moved",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			agent, err := o.dial()
			if err != nil {
				return err
			}
			if err := agent.Moved(cmd.Context()); err != nil {
				return err
			}
			status, err := agent.Status(cmd.Context())
			if err != nil {
				return err
			}
			if status.Role != site.Active {
				fmt.Fprintln(cmd.OutOrStdout(), "kept, for when this vSocket is the active one; say it on the active one too")
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the former floating IP goes; releve-vsocket status shows how far it is")
			return nil
		}),
	}
}
