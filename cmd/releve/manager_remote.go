package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) socketJournal() *cobra.Command {
	var since string
	var follow bool
	cmd := leaf("journal SERIAL", "Print a vSocket's timeline: what it saw, decided and called",
		"releve socket journal RLV-7K2M-9QXC --since 10m\n  releve socket journal RLV-7K2M-9QXC --follow",
		terminal.Arguments(1, 1, "a serial number"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			from, err := terminal.Since(since, time.Now())
			if err != nil {
				return err
			}
			return c.Journal(ctx, args[0], from, follow, terminal.NewTimeline(cmd.OutOrStdout(), m.json).Entry)
		})
	cmd.Long = `Print a vSocket's timeline, to the millisecond. It comes from the vSocket itself,
through its session with the manager; with --json it is one JSON object a line.`
	cmd.Flags().StringVar(&since, "since", "", "only entries from then on: a time like 2026-11-23T12:00:00Z, or how long ago, like 10m")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with entries as they come")
	return cmd
}

func (m *managed) socketRestart() *cobra.Command {
	var yes, force bool
	cmd := leaf("restart SERIAL", "Restart a vSocket's agent; it hands over first if it is Master", "releve socket restart RLV-7K2M-9QXC", terminal.Arguments(1, 1, "a serial number"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			if err := m.sure(cmd, yes, "Restart "+args[0]+"? If it is Master, the other vSocket takes over."); err != nil {
				return err
			}
			if err := c.Restart(ctx, args[0], force); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "%s restarts", args[0])
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.Flags().BoolVar(&force, "force", false, "also if nobody can take over: the site's traffic is cut off meanwhile")
	return cmd
}
