// The program releve-vsocket runs on each of a site's two appliances.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/vsocket/config"
)

func main() {
	root := &cobra.Command{Use: "releve-vsocket", Short: "One of the two appliances of a Relève site", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(runCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "releve-vsocket:", err)
		os.Exit(1)
	}
}

func runCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "run", Short: "Run the agent", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(path)
			if err != nil {
				return err
			}
			return runAgent(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&path, "config", "/etc/releve/vsocket.yaml", "the config file")
	return cmd
}
