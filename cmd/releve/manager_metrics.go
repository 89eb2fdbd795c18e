package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) metricsCommand() *cobra.Command {
	var from, until string
	cmd := leaf("metrics SITE", "Show what a site's vSockets measured over time", "releve metrics paris --from 2026-11-26T03:00:00Z", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := findSite(ctx, c, args[0])
			if err != nil {
				return err
			}
			var span [2]time.Time
			for i, text := range []string{from, until} {
				if text == "" {
					continue
				}
				if span[i], err = time.Parse(time.RFC3339, text); err != nil {
					return fmt.Errorf("%q is not a time such as 2026-11-26T03:00:00Z", text)
				}
			}
			found, err := c.Metrics(ctx, s.ID, span[0], span[1])
			if err != nil {
				return err
			}
			return m.show(cmd, found, func(out io.Writer) error { return writeMetrics(out, found) })
		})
	cmd.Flags().StringVar(&from, "from", "", "since this time; default: a day before --until")
	cmd.Flags().StringVar(&until, "until", "", "until this time; default: now")
	cmd.ValidArgsFunction = completeSites
	return cmd
}

func writeMetrics(out io.Writer, found client.Metrics) error {
	g := terminal.NewGrid(out, "TIME", "ROLE", "MASTER", "CONNECTED", "RECEIVED", "SENT", "LATENCY", "LOSS")
	for _, k := range found.Sockets {
		for _, p := range k.Points {
			g.Row(when(&p.Start), k.Role, percent(p.Master), percent(p.Connected), measured(p.Received, 1e6, "Mbit/s"), measured(p.Sent, 1e6, "Mbit/s"),
				measured(p.Latency, 1, "ms"), measured(p.Loss, 1, "%"))
		}
	}
	return g.Write(out)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func measured(v *client.Measured, unit float64, name string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f %s", v.Mean/unit, name)
}
