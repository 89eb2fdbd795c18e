// The program releve-vsocket runs on each of a site's two appliances: the
// agent itself, and the commands with which a person looks at it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"releve.dev/releve/vsocket/config"
)

func main() { os.Exit(execute(os.Args[1:])) }

// usageError is a command line that can't be understood: exit status 2.
type usageError struct{ error }

// errSilent fails a command that has said already what is wrong.
var errSilent = errors.New("failed")

// execute runs a command line and returns the exit status: 0, 1 for a failure,
// 2 for a command line that can't be understood.
func execute(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "releve-vsocket:", err)
		return 2
	case !errors.Is(err, errSilent):
		fmt.Fprintln(os.Stderr, "releve-vsocket:", err)
	}
	return 1
}

// options is what all commands share.
type options struct{ config string }

func rootCommand() *cobra.Command {
	o := &options{}
	root := group("releve-vsocket", "One of the two appliances of a Relève site", `releve-vsocket keeps an Azure site online: it is one of two, watches the other,
and takes over its floating IP when it dies.`)
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nhint: %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().StringVarP(&o.config, "config", "c", config.DefaultPath, "settings of the vSocket")
	root.AddCommand(o.runCommand(), o.configCommand(), o.statusCommand(), o.journalCommand(),
		o.pingCommand(), o.apiTestCommand(), versionCommand(), deviceCommand())
	return root
}

// group is a command that only has others below it.
func group(use, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usageError{fmt.Errorf("unknown command %q\nhint: %s --help lists them", args[0], cmd.CommandPath())}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// arguments checks their number; what names them.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usageError{fmt.Errorf("%s wants %s\nhint: %s --help", cmd.CommandPath(), what, cmd.CommandPath())}
	}
}

// interruptible gives a command a context that ends with Ctrl-C.
func interruptible(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		cmd.SetContext(ctx)
		err := run(cmd, args)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return errSilent
		}
		return err
	}
}

func (o *options) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the agent",
		Long: `Run the agent in the foreground, until SIGTERM or Ctrl-C. The first asks for a
clean end, in which the other vSocket takes over before this one lets go; the
second ends the agent at once.`,
		Example: "  releve-vsocket run --config /etc/releve/vsocket.yaml",
		Args:    arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			return runAgent(cmd.Context(), cfg)
		},
	}
}
