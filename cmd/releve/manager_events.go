package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// wanted is what the user asked of `releve events`.
type wanted struct {
	client.EventFilter
	site, export string
	follow       bool
	most         int
	after        int64
}

func (m *managed) eventsCommand() *cobra.Command {
	var w wanted
	cmd := leaf("events", "List the account's events, or follow them", "releve events --site paris --follow", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			if w.site != "" {
				s, err := findSite(ctx, c, w.site)
				if err != nil {
					return err
				}
				w.Site = s.ID
			}
			switch {
			case w.export != "":
				return c.ExportEvents(ctx, w.EventFilter, w.export, cmd.OutOrStdout())
			case w.follow:
				return m.followEvents(ctx, cmd, c, w)
			}
			return m.listEvents(ctx, cmd, c, w)
		})
	f := cmd.Flags()
	f.StringVar(&w.site, "site", "", "of this site alone")
	f.StringSliceVar(&w.Kinds, "kind", nil, "of these kinds alone (docs/events.md)")
	f.StringVar(&w.Role, "role", "", "of the primary or the secondary alone")
	f.StringVar(&w.Serial, "serial", "", "of this vSocket alone")
	f.StringVar(&w.From, "from", "", "not before this time, such as 2026-11-26T03:00:00Z")
	f.StringVar(&w.Until, "until", "", "before this time")
	f.StringVar(&w.Text, "text", "", "with these words")
	f.IntVar(&w.most, "most", 50, "how many; 0: all")
	f.BoolVar(&w.follow, "follow", false, "go on with what comes, until Ctrl-C")
	f.Int64Var(&w.after, "after", 0, "with --follow: begin after this arrival instead of now")
	f.StringVar(&w.export, "export", "", "all that fit, as csv or jsonl")
	return cmd
}

func (m *managed) listEvents(ctx context.Context, cmd *cobra.Command, c *client.Client, w wanted) error {
	found, err := all(w.most, func(after string, limit int) (client.Page[client.Event], error) {
		return c.Events(ctx, w.EventFilter, after, limit)
	})
	if err != nil {
		return err
	}
	return m.show(cmd, found, func(out io.Writer) error {
		g := terminal.NewGrid(out, "TIME", "EVENT", "ROLE", "SERIAL", "MESSAGE")
		for _, e := range found {
			g.Row(when(&e.Time), e.SubType, e.Role, e.Serial, e.Message)
		}
		return g.Write(out)
	})
}

func (m *managed) followEvents(ctx context.Context, cmd *cobra.Command, c *client.Client, w wanted) error {
	last := w.after
	err := c.FollowEvents(ctx, w.EventFilter, w.after, func(e client.Event) error {
		last = e.Arrival
		if m.json {
			return terminal.PrintJSON(cmd.OutOrStdout(), e)
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s %s  %s\n", when(&e.Time), e.SubType, e.Role, e.Serial, e.Message)
		return err
	})
	if err == nil {
		return fmt.Errorf("the manager has ended the stream\nhint: go on with --follow --after %d", last)
	}
	return err
}

func (m *managed) statusCommand() *cobra.Command {
	var watch bool
	cmd := leaf("status SITE", "Show a site's status: Ready or not and why, who is Master", "releve status paris --watch", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := findSite(ctx, c, args[0])
			if err != nil {
				return err
			}
			show := func(st client.Status) error {
				return m.show(cmd, st, func(out io.Writer) error { return writeStatus(out, s.Name, st) })
			}
			if watch {
				if err := c.WatchStatus(ctx, s.ID, show); err != nil {
					return err
				}
				return errors.New("the manager has ended the stream\nhint: run the command again")
			}
			st, err := c.Status(ctx, s.ID)
			if err != nil {
				return err
			}
			return show(st)
		})
	cmd.Flags().BoolVar(&watch, "watch", false, "show each change, until Ctrl-C")
	cmd.ValidArgsFunction = completeSites
	return cmd
}

func writeStatus(out io.Writer, name string, s client.Status) error {
	t := terminal.NewTable(out)
	t.Row("site", t.Bold(name)+", "+time.Now().Format(time.TimeOnly))
	t.Row("status", s.Summary)
	t.Row("type", s.Type)
	t.Row("master", s.Master)
	switch {
	case s.HA == nil:
		t.Row("HA status", "not applicable")
	case s.HA.Ready:
		t.Row("HA status", t.Good("Ready")+" since "+when(&s.HA.Since))
	default:
		t.Row("HA status", t.Bad("Not ready")+" since "+when(&s.HA.Since))
	}
	if s.HA != nil {
		for _, i := range s.HA.Indicators {
			state := t.Good("OK")
			if !i.OK {
				state = t.Bad("not OK") + ": " + i.Reason
			}
			t.Row("  "+i.Name, state)
		}
	}
	socketRow(t, "primary", s.Primary)
	if s.Secondary != nil {
		socketRow(t, "secondary", *s.Secondary)
	}
	return t.Write(out)
}

func socketRow(t *terminal.Table, name string, s client.SocketStatus) {
	text := s.Serial + " " + s.Connection
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	if s.Version != "" {
		text += ", version " + s.Version
	}
	t.Row(name, text+", heard "+when(s.Heard))
}
