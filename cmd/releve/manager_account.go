package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) sessionCommand() *cobra.Command {
	group := terminal.Group("session", "Where you have signed in", "Work with your sessions, of browsers and of programs that signed in: see them, end them.")
	group.AddCommand(m.sessionList(), m.sessionEnd())
	return group
}

func (m *managed) sessionList() *cobra.Command {
	return leaf("list", "List your sessions", "releve session list", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			page, err := c.Sessions(ctx)
			if err != nil {
				return err
			}
			return m.show(cmd, page.Items, func(out io.Writer) error {
				g := terminal.NewGrid(out, "ID", "FROM", "BEGUN", "LAST USED")
				for _, s := range page.Items {
					g.Row(s.ID, orDash(s.Address), when(&s.Began), when(&s.Seen))
				}
				return g.Write(out)
			})
		})
}

func (m *managed) sessionEnd() *cobra.Command {
	var all bool
	cmd := leaf("end [ID]", "End one of your sessions, or all", "releve session end --all", terminal.Arguments(0, 1, "a session's id, or --all"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			if all == (len(args) == 1) {
				return terminal.Usage(errors.New("either a session's id or --all\nhint: releve session list shows them"))
			}
			if all {
				if err := c.EndOtherSessions(ctx); err != nil {
					return err
				}
				return m.done(cmd, struct{}{}, "you are signed in nowhere; tokens go on")
			}
			if err := c.EndSession(ctx, args[0]); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "the session %s has ended", args[0])
		})
	cmd.Flags().BoolVar(&all, "all", false, "end all of them")
	return cmd
}

func (m *managed) accountCommand() *cobra.Command {
	return leaf("account", "Show your account, and for how long the manager keeps what has happened", "releve account", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			a, err := c.Account(ctx)
			if err != nil {
				return err
			}
			return m.show(cmd, a, func(out io.Writer) error {
				t := terminal.NewTable(out)
				t.Row("account", a.Name)
				t.Row("since", when(&a.Created))
				t.Row("events", fmt.Sprintf("kept for %d days", a.EventDays))
				for _, k := range a.Figures {
					t.Row("figures", fmt.Sprintf("of %s each, kept for %d days", k.Span, k.Days))
				}
				return t.Write(out)
			})
		})
}
