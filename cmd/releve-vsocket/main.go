// The program releve-vsocket runs on each of a site's two appliances: the
// agent itself, and the commands with which a person looks at it.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
)

func main() { os.Exit(terminal.Execute(rootCommand(), os.Args[1:])) }

// options is what all commands share.
type options struct{ config string }

func rootCommand() *cobra.Command {
	o := &options{}
	root := terminal.Group("releve-vsocket", "One of the two appliances of a Relève site", `releve-vsocket keeps an Azure site online: it is one of two, watches the other,
and takes over its floating IP when it dies.`)
	root.PersistentFlags().StringVarP(&o.config, "config", "c", config.DefaultPath, "settings of the vSocket")
	root.AddCommand(o.runCommand(), o.configCommand(), o.statusCommand(), o.journalCommand(),
		o.pingCommand(), o.apiTestCommand(), o.doctorCommand(), o.fipMovedCommand(), o.enrolCommand(), o.channelCommand(), o.webCommand(), terminal.Version("releve-vsocket"), deviceCommand())
	return root
}

func (o *options) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the agent",
		Long: `Run the agent in the foreground, until SIGTERM or Ctrl-C. The first asks for a
clean end, in which the other vSocket takes over before this one lets go; the
second ends the agent at once.`,
		Example: "  releve-vsocket run --config /etc/releve/vsocket.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runAgent(cmd.Context(), o.config)
		},
	}
}
