// Package terminal is how our programs meet a person: command lines, exit
// statuses, colours for who has them, tables.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type usageError struct{ error }

// Usage is the error of a command line that can't be understood: exit status 2.
func Usage(err error) error { return usageError{err} }

// IsUsage reports whether an error is one of Usage.
func IsUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage)
}

// ErrSilent fails a command that has said already what is wrong.
var ErrSilent = errors.New("failed")

// Execute runs a command line and returns the exit status: 0, 1 for a failure, 2 for
// a command line that can't be understood.
func Execute(root *cobra.Command, args []string) int {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return Usage(fmt.Errorf("%w\nhint: %s --help", err, cmd.CommandPath()))
	})
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
		return 2
	case !errors.Is(err, ErrSilent):
		fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
	}
	return 1
}

// Group is a command that only has others below it.
func Group(use, short, long string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return Usage(fmt.Errorf("unknown command %q\nhint: %s --help lists them", args[0], cmd.CommandPath()))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// Arguments checks their number; what names them. None of them is empty, and no
// flag that was given, unless it is of MayBeEmpty: that is a variable which the
// shell hasn't, and never a wish.
func Arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		see := cmd.CommandPath() + " --help"
		if len(args) < least || len(args) > most {
			return Usage(fmt.Errorf("%s wants %s\nhint: %s", cmd.CommandPath(), what, see))
		}
		if slices.Contains(args, "") {
			return Usage(fmt.Errorf("%s wants %s, and an empty one was given\nhint: is a variable of the shell unset?", cmd.CommandPath(), what))
		}
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return Usage(fmt.Errorf("%w\nhint: %s", err, see))
		}
		return noneEmpty(cmd)
	}
}

// meantEmpty marks a flag for which no value is one.
const meantEmpty = "releve/may-be-empty"

// MayBeEmpty lets a flag be given without a value.
func MayBeEmpty(cmd *cobra.Command, flag string) {
	if err := cmd.Flags().SetAnnotation(flag, meantEmpty, nil); err != nil {
		panic("terminal: " + err.Error())
	}
}

func noneEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, meant := f.Annotations[meantEmpty]; meant || err != nil {
			return
		}
		empty := f.Value.String() == ""
		if list, is := f.Value.(pflag.SliceValue); is {
			empty = len(list.GetSlice()) == 0 || slices.Contains(list.GetSlice(), "")
		}
		if empty {
			err = Usage(fmt.Errorf("--%s was given without a value\nhint: leave it out, or is a variable of the shell unset?", f.Name))
		}
	})
	return err
}

// Interruptible gives a command a context that ends with Ctrl-C.
func Interruptible(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		cmd.SetContext(ctx)
		err := run(cmd, args)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return ErrSilent
		}
		return err
	}
}
