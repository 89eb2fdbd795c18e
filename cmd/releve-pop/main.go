// The program releve-pop runs in the cloud: it ends the tunnels of many sites, and
// leads their traffic to the Internet, to each other and back.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/state"
	"releve.dev/releve/settings"
	"releve.dev/releve/terminal"
	"releve.dev/releve/tunnel"
)

func main() { os.Exit(terminal.Execute(rootCommand(), os.Args[1:])) }

// options is what all commands share.
type options struct{ config string }

func rootCommand() *cobra.Command {
	o := &options{}
	root := terminal.Group("releve-pop", "The cloud's end of Relève sites", `releve-pop ends the tunnels of sites' vSockets and leads their traffic to the
Internet, to other sites and back, by whichever of a site's two vSockets is
active.`)
	root.PersistentFlags().StringVarP(&o.config, "config", "c", config.DefaultPath, "settings of the PoP")
	root.AddCommand(o.initCommand(), o.runCommand(), o.enrolCommand(), o.channelCommand(), o.checkCommand(), sampleCommand(), o.statusCommand(),
		terminal.Version("releve-pop"), deviceCommand())
	return root
}

// load reads the settings for a command that needs no site.
func (o *options) load() (*config.Config, error) {
	cfg, _, err := config.Load(o.config)
	return cfg, err
}

func (o *options) initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Make the keys of a new PoP",
		Long: `Make the state directory of a new PoP: its private key, and an empty store for
its witness's record. Prints the public key, which goes into the settings of each
vSocket. A PoP that has a key already keeps all as it is.`,
		Example: "  releve-pop init --config /etc/releve/pop.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.load()
			if err != nil {
				return err
			}
			key, made, err := state.Init(cfg.StateDir)
			if err != nil {
				return err
			}
			if !made {
				fmt.Fprintln(cmd.ErrOrStderr(), cfg.StateDir, "has a key already; it stays")
			}
			fmt.Fprintln(cmd.OutOrStdout(), key.Public())
			return nil
		},
	}
}

func (o *options) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: "Run the PoP",
		Long: `Run the PoP in the foreground, until SIGTERM or Ctrl-C, which take its devices,
routes and rules away. SIGHUP reads the settings anew: sites come, go and change,
and those that stay as they are feel nothing.`,
		Example: "  releve-pop run --config /etc/releve/pop.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			return runPoP(cmd.Context(), o.config)
		}),
	}
}

func (o *options) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Say what is wrong with the settings",
		Long: `Check the settings: every problem is told, with its line, and how to mend it.
A problem within a site refuses that site alone; the exit status is 1 all the
same. Nothing is changed.`,
		Example: "  releve-pop check --config pop.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, refused, err := config.Load(o.config)
			if err != nil {
				return err
			}
			if len(refused) > 0 {
				tellRefused(cmd.OutOrStdout(), refused)
				fmt.Fprintf(cmd.OutOrStdout(), "%s would run with the other sites, %d\n", o.config, len(cfg.Sites))
				return terminal.ErrSilent
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is all right: PoP %s with %d sites\n", o.config, cfg.Name, len(cfg.Sites))
			return nil
		},
	}
}

func tellRefused(out io.Writer, refused settings.Problems) {
	for _, p := range refused {
		fmt.Fprintln(out, p)
	}
}

func sampleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sample", Short: "Print a commented config file",
		Long:    "Print a complete config file with comments and defaults.",
		Example: "  releve-pop sample > pop.yaml",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.Sample())
			return err
		},
	}
}

const deviceUse = "device"

// deviceCommand is what the PoP runs beside itself where the kernel has no
// WireGuard; nobody else has a use for it.
func deviceCommand() *cobra.Command {
	return &cobra.Command{
		Use: deviceUse + " NAME", Short: "Run a WireGuard device", Hidden: true,
		Args: terminal.Arguments(1, 1, "a name"),
		RunE: func(cmd *cobra.Command, args []string) error { return tunnel.Serve(cmd.Context(), args[0]) },
	}
}
