// The program releve is what an administrator runs: the manager's command line,
// the lab on this machine, and an emulated Azure.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/lab/machine/guest"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// Exit statuses besides those of a lab's run.
const (
	exitFailed = 1
	exitUsage  = 2
)

// status is an error that is nothing but an exit status: all has been said.
type status int

func (s status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func main() {
	guest.Main()
	root := &cobra.Command{
		Use:           "releve",
		Short:         "Keep an Azure site online when one of its two appliances dies",
		Version:       site.Release.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nhint: see: %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(labCommand(), azureCommand(), simCommand())
	root.AddCommand(managerCommands()...)
	os.Exit(exitStatus(root.ExecuteContext(context.Background())))
}

// usageError is a command line that can't be understood.
type usageError struct{ error }

func exitStatus(err error) int {
	var only status
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &only):
		return int(only)
	case errors.Is(err, terminal.ErrSilent):
		return exitFailed
	}
	fmt.Fprintln(os.Stderr, "releve:", err)
	if errors.As(err, &usage) || terminal.IsUsage(err) {
		return exitUsage
	}
	return exitFailed
}
