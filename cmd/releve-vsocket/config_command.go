package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"releve.dev/releve/terminal"
	wg "releve.dev/releve/tunnel"
	"releve.dev/releve/vsocket/config"
)

func (o *options) configCommand() *cobra.Command {
	cmd := terminal.Group("config", "Check the settings, change them, or print a sample", "Check the settings of a vSocket, change them, or print a commented sample of them.")
	cmd.AddCommand(o.configCheckCommand(), o.configMergeCommand(), o.configUnsetCommand(), o.configApplyCommand(), configSampleCommand())
	return cmd
}

func (o *options) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Say what is wrong with a config file",
		Long: `Check a config file: every problem is told, with its line, and how to mend it.
Without FILE the one of --config is checked. Nothing is changed, and neither
Azure nor the network is asked.`,
		Example: "  releve-vsocket config check vsocket.yaml",
		Args:    terminal.Arguments(0, 1, "one file at most"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := o.config
			if len(args) == 1 {
				path = args[0]
			}
			cfg, err := config.Load(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is all right: %s\n", path, describe(cfg))
			return nil
		},
	}
}

func describe(cfg *config.Config) string {
	text := fmt.Sprintf("the %s of %s", cfg.Side, cfg.Site)
	if cfg.HA == nil {
		text += ", without HA settings: it will be Master by itself"
	} else {
		text += fmt.Sprintf(", floating IP %s, peer %s", cfg.HA.FloatingIP, cfg.HA.Peer.LAN)
	}
	if cfg.Cloud != nil {
		text += fmt.Sprintf("; at its PoPs site %d, address %s, public key %s",
			cfg.Cloud.SiteID, cfg.Cloud.Address, wg.Key(cfg.Cloud.PrivateKeyBytes()).Public())
	}
	return text
}

func configSampleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sample", Short: "Print a commented config file",
		Long: `Print a complete config file with comments and defaults. Its key is drawn anew
each time: copy the key, not the command, to the second vSocket.`,
		Example: "  releve-vsocket config sample > vsocket.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.FreshSample())
			return err
		},
	}
}
