package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) takeoversCommand() *cobra.Command {
	var most int
	var rows bool
	cmd := leaf("takeovers SITE", "List a site's takeovers, Azure's time apart", "releve takeovers paris --rows --most 1", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := findSite(ctx, c, args[0])
			if err != nil {
				return err
			}
			found, err := all(most, func(after string, limit int) (client.Page[client.Takeover], error) {
				return c.Takeovers(ctx, s.ID, rows, after, limit)
			})
			if err != nil {
				return err
			}
			return m.show(cmd, found, func(out io.Writer) error { return writeTakeovers(out, found) })
		})
	cmd.Flags().IntVar(&most, "most", 20, "how many; 0: all")
	cmd.Flags().BoolVar(&rows, "rows", false, "with what the vSocket saw, decided and called")
	cmd.ValidArgsFunction = completeSites
	return cmd
}

func writeTakeovers(out io.Writer, found []client.Takeover) error {
	g := terminal.NewGrid(out, "TIME", "TERM", "TAKEN OVER BY", "SERVED AFTER", "AZURE", "OURS", "WHY")
	for _, t := range found {
		served := "never"
		if t.ServingMS != nil {
			served = seconds(*t.ServingMS)
		}
		g.Row(when(&t.Granted), fmt.Sprint(t.Term), t.Role+" "+t.Serial, served, seconds(t.AzureMS), seconds(t.OursMS), t.Cause)
	}
	if err := g.Write(out); err != nil {
		return err
	}
	for _, t := range found {
		if len(t.Rows) == 0 {
			continue
		}
		fmt.Fprintf(out, "\nTerm %d\n", t.Term)
		g := terminal.NewGrid(out, "AFTER", "", "WHAT", "TOOK", "DETAIL")
		for _, r := range t.Rows {
			took := ""
			if r.TookMS > 0 {
				took = seconds(r.TookMS)
			}
			g.Row("+"+seconds(r.AfterMS), r.Kind, r.What, took, r.Detail)
		}
		if err := g.Write(out); err != nil {
			return err
		}
	}
	return nil
}

func seconds(ms float64) string { return fmt.Sprintf("%.3f s", ms/1000) }
