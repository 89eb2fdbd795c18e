package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/control"
)

func (o *options) configApplyCommand() *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use: "apply", Short: "Have the running agent take the config file",
		Long: `Have the running agent take its config file as it is now, without a restart: a
vSocket that is Master by itself becomes one of a pair and forwards on, and of a pair
each change goes the safe way that settings of the manager go. What needs a restart,
or can't be used, changes nothing; the exit status is 1 then, and the reason is told.

An agent that isn't there yet is waited for.`,
		Example: "  releve-vsocket config apply",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			agent, err := o.dial()
			if err != nil {
				return err
			}
			outcome, err := awaitApplied(cmd.Context(), agent, within)
			if err != nil {
				return err
			}
			text := "the agent runs with " + o.config
			if outcome.State == control.Waits {
				text = "the agent has " + o.config + ", and waits: " + outcome.Why
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		}),
	}
	cmd.Flags().DurationVar(&within, "within", time.Minute, "how long to wait for the agent")
	return cmd
}

// askPace is how soon an agent is asked again that hasn't decided yet.
const askPace = 500 * time.Millisecond

// awaitApplied asks until the agent has taken the file, refuses it, or waits for
// somebody else.
func awaitApplied(ctx context.Context, agent *control.Client, within time.Duration) (control.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	pace := time.NewTicker(askPace)
	defer pace.Stop()
	for {
		outcome, err := agent.Apply(ctx)
		switch {
		case err == nil && outcome.State == control.Refused:
			return outcome, errors.New(outcome.Why)
		case err == nil && outcome.State != control.Undecided:
			return outcome, nil
		case err == nil:
			err = errors.New(outcome.Why)
		case !errors.Is(err, control.ErrNotRunning) && ctx.Err() == nil:
			return outcome, err
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return outcome, fmt.Errorf("not taken within %s: %w\nhint: it counts when the agent starts anew", within, err)
		}
	}
}
