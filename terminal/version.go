package terminal

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"releve.dev/releve/site"
)

// Version is the command that prints a program's version.
func Version(program string) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version",
		Long: "Print the program's version, and the commit it was built from if that is known.",
		Args: Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), program, site.Release.String()+commit())
			return err
		},
	}
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return " (commit " + setting.Value[:12] + ")"
		}
	}
	return ""
}
