package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/terminal"
)

// azureUndo is what the user asked of `releve azure ha undo`.
type azureUndo struct {
	azurePair
	azureRun
	wanted plan.UndoWanted
}

func undoCommand() *cobra.Command {
	var u azureUndo
	command := &cobra.Command{
		Use: "undo", Short: "Take back what ha made, and only that",
		Long: `Take back what ` + "`releve azure ha`" + ` made: routes lead to where they led before,
the guests leave the pair, and the floating IP, the extensions, the identity and
its role are removed. What it was is read from tags in Azure, so it works from
any machine; what somebody else has made or changed since stays.

Azure reaches no guest of a VM that is stopped. What Azure itself has is taken
back all the same, and the guest that still has its settings is named; --start
starts such a VM, takes them out, and stops it again.
` + signInHelp,
		Example: "  releve azure ha undo --resource-group rg-site --network-group rg-network --plan",
		Args:    terminal.Arguments(0, 0, "no arguments"), RunE: interruptible(u.undo),
	}
	u.azurePair.flags(command)
	u.azureRun.flags(command)
	command.Flags().BoolVar(&u.wanted.NoGuests, "no-guests", false, "leave the settings in the guests, such as one that runs nothing any more")
	command.Flags().BoolVar(&u.wanted.Start, "start", false, "start VMs that are stopped, to take the settings out, and stop them again")
	return command
}

func (u *azureUndo) undo(ctx context.Context, cmd *cobra.Command, _ []string) error {
	if err := u.look(ctx, cmd); err != nil {
		return err
	}
	if err := signedIn(u.facts); err != nil {
		return err
	}
	u.warn(cmd.ErrOrStderr())
	if err := u.azureRun.run(ctx, cmd, u.client, plan.Undo(u.facts, u.wanted), &plan.Known{}, nil); err != nil || u.plan {
		return err
	}
	return u.leftOver()
}

// signedIn refuses a caller that Azure doesn't let look.
func signedIn(f *doctor.Facts) error {
	if f.Caller.Problem == doctor.SignedIn {
		return nil
	}
	return fmt.Errorf("nothing can be asked of Azure: %s %s\nhint: releve azure doctor says what to do", f.Caller.Problem, f.Caller.Detail)
}

// warn says before the first change what undo can't do, or cuts, as a VM is stopped.
func (u *azureUndo) warn(out io.Writer) {
	for _, m := range u.unreached() {
		fmt.Fprintf(out, "note: %s is %s: its guest keeps its settings, and the VM its extension (--start starts it for that)\n", m.VM.Name, m.VM.Power)
	}
	for _, e := range plan.Orphaned(u.facts) {
		fmt.Fprintf(out, "warning: the route %s, %s, of %s leads to a VM that is stopped, once undone: start it, or lead the route elsewhere first\n",
			e.Name, e.Prefix, document.Short(e.Table))
	}
}

// unreached are the members whose guests undo leaves alone, as their VMs are stopped.
func (u *azureUndo) unreached() []*doctor.Member {
	var list []*doctor.Member
	for i := range u.facts.Members {
		if m := &u.facts.Members[i]; m.VM.Found && !plan.Runs(m) && plan.Extended(m) && !u.wanted.Start {
			list = append(list, m)
		}
	}
	return list
}

// leftOver says which guests still have their settings, and how to take them out.
func (u *azureUndo) leftOver() error {
	var names []string
	for _, m := range u.unreached() {
		names = append(names, m.VM.Name)
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf(`left: the extension %s, and the pair's settings in the guest, of %s: Azure changes neither while a VM is stopped; started with them it takes itself for one of a pair, and can't move the floating IP
hint: %s takes them out; or, in the guest, as root: releve-vsocket config unset ha azure && systemctl try-restart releve-vsocket`,
		plan.Extension, strings.Join(names, " and "), u.again())
}

// again is this command with --start. The VMs are named, as their tags are gone.
func (u *azureUndo) again() string {
	line := "releve azure ha undo --start -g " + u.names.Group
	if other := u.names.NetworkGroup; other != "" && !strings.EqualFold(other, u.names.Group) {
		line += " --network-group " + other
	}
	line += " --primary " + u.names.Primary
	if u.names.Secondary != "" {
		line += " --secondary " + u.names.Secondary
	}
	return line
}
