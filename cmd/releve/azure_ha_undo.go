package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/terminal"
)

func undoCommand() *cobra.Command {
	var u struct {
		azurePair
		azureRun
		noGuests bool
	}
	command := &cobra.Command{
		Use: "undo", Short: "Take back what ha made, and only that",
		Long: `Take back what ` + "`releve azure ha`" + ` made: routes lead to where they led before,
the guests leave the pair, and the floating IP, the extensions, the identity and
its role are removed. What it was is read from tags in Azure, so it works from
any machine; what somebody else has made or changed since stays.
` + signInHelp,
		Example: "  releve azure ha undo --resource-group rg-site --network-group rg-network --plan",
		Args:    terminal.Arguments(0, 0, "no arguments"),
	}
	command.RunE = interruptible(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if err := u.look(ctx, cmd); err != nil {
			return err
		}
		if err := signedIn(u.facts); err != nil {
			return err
		}
		steps := plan.Undo(u.facts, !u.noGuests)
		if err := u.azureRun.run(ctx, cmd, u.client, steps, &plan.Known{}, nil); err != nil {
			return err
		}
		return leftOver(u.facts)
	})
	u.azurePair.flags(command)
	u.azureRun.flags(command)
	command.Flags().BoolVar(&u.noGuests, "no-guests", false, "leave the settings in the guests, such as one that runs nothing any more")
	return command
}

// signedIn refuses a caller that Azure doesn't let look.
func signedIn(f *doctor.Facts) error {
	if f.Caller.Problem == doctor.SignedIn {
		return nil
	}
	return fmt.Errorf("nothing can be asked of Azure: %s %s\nhint: releve azure doctor says what to do", f.Caller.Problem, f.Caller.Detail)
}

// leftOver tells what Azure doesn't let anybody change while a VM is stopped.
func leftOver(f *doctor.Facts) error {
	var names []string
	for i := range f.Members {
		if m := &f.Members[i]; m.VM.Found && !plan.Runs(m) && plan.Extended(m) {
			names = append(names, m.VM.Name)
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("left: the extension and the settings in %s, as Azure changes neither while a VM is stopped\nhint: start it, and run the same command again", strings.Join(names, " and "))
}
