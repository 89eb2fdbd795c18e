package main

import (
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

func (o *options) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Say who is Master, and whether HA is ready",
		Long: `Ask the running agent for its status: who is Master, whether HA is Ready and if
not why, where the floating IP is, what is forwarded, how the other vSocket and
Azure are reached.`,
		Example: "  releve-vsocket status\n  releve-vsocket status --json | jq .ha.ready",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			agent, err := o.dial()
			if err != nil {
				return err
			}
			status, err := agent.Status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.PrintJSON(cmd.OutOrStdout(), status)
			}
			return printStatus(cmd.OutOrStdout(), &status)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// dial finds the running agent: in its settings' run directory, or in the
// default one if there are no settings, or if they were spoiled while it ran.
func (o *options) dial() (*control.Client, error) {
	standard := control.Socket(config.Default().RunDir)
	cfg, err := config.Load(o.config)
	if err == nil {
		return control.Dial(control.Socket(cfg.RunDir)), nil
	}
	if _, noAgent := os.Stat(standard); noAgent == nil && o.config == config.DefaultPath {
		return control.Dial(standard), nil
	}
	return nil, err
}
