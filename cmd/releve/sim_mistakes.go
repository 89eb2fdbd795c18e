//go:build mistakes

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/sim"
)

func init() { simExtras = append(simExtras, simMistakesCommand) }

// simMistakesCommand shows that the simulator would find what it is there for.
func simMistakesCommand() *cobra.Command {
	var seeds, start uint64
	var only, keep string
	command := &cobra.Command{
		Use:   "mistakes",
		Short: "Plant one mistake after the other, and see which property finds it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			planted, blind := slip.All, 0
			if only != "" {
				if !slices.Contains(planted, slip.Mistake(only)) {
					return fmt.Errorf("no mistake is called %q\nhint: core/slip/names.go has them all", only)
				}
				planted = []slip.Mistake{slip.Mistake(only)}
			}
			for _, mistake := range planted {
				slip.Chosen = mistake
				began := time.Now()
				tried, violation := search(seeds, start)
				if violation == nil {
					blind++
					fmt.Fprintf(cmd.OutOrStdout(), "%-20s NOT FOUND in %d seeds, %.0f s\n", mistake, tried, time.Since(began).Seconds())
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-20s seed %-6d (the %d.) %s\n", mistake, start+tried-1, tried, violation)
				if err := keepMistake(keep, mistake, start+tried-1); err != nil {
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "mistakes=%d found=%d\n", len(planted), len(planted)-blind)
			if blind > 0 {
				return status(exitFailed)
			}
			return nil
		},
	}
	command.Flags().Uint64Var(&seeds, "seeds", 2000, "how many are tried for each")
	command.Flags().Uint64Var(&start, "start", 1, "the first one")
	command.Flags().StringVar(&keep, "keep", "", "directory for a shrunk schedule of each")
	command.Flags().StringVar(&only, "only", "", "this mistake alone")
	return command
}

// keepMistake writes the shortest schedule that shows a mistake.
func keepMistake(dir string, mistake slip.Mistake, seed uint64) error {
	if dir == "" {
		return nil
	}
	schedule, violation := sim.Shrink(sim.Draw(seed))
	text := fmt.Sprintf("# With the mistake: %s\n# breaks %s\n%s", strings.ReplaceAll(violation.String(), "\n", " "), mistake, schedule)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, string(mistake)+".txt"), []byte(text), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keeping a schedule: %w", err)
	}
	return nil
}

func search(seeds, start uint64) (tried uint64, violation *sim.Violation) {
	for tried = 1; tried <= seeds; tried++ {
		if v := sim.Run(sim.Draw(start+tried-1), nil).Violation; v != nil {
			return tried, v
		}
	}
	return seeds, nil
}
