package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// managerCommands are the manager's command line: its API, for people and
// scripts (E12).
func managerCommands() []*cobra.Command {
	m := &managed{}
	all := []*cobra.Command{m.loginCommand(), m.logoutCommand(), m.whoamiCommand(), m.siteCommand(), m.socketCommand(),
		m.networkCommand(), m.popCommand(), m.statusCommand(), m.metricsCommand(), m.takeoversCommand(), m.eventsCommand(), m.auditCommand(), m.userCommand(), m.tokenCommand(), m.sessionCommand(), m.accountCommand()}
	for _, command := range all {
		command.PersistentFlags().BoolVar(&m.json, "json", false, "print JSON, for programs")
	}
	return all
}

// managed is what these commands share.
type managed struct {
	json    bool
	dryRun  bool
	ifMatch uint64
}

// talk runs a command with a client, until Ctrl-C.
func talk(run func(context.Context, *cobra.Command, *client.Client, []string) error) func(*cobra.Command, []string) error {
	return terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
		saved, err := client.Load()
		if err != nil {
			return err
		}
		c, err := saved.Client()
		if err != nil {
			return err
		}
		return run(cmd.Context(), cmd, c, args)
	})
}

// leaf is a command that does something.
func leaf(use, short, example string, args cobra.PositionalArgs,
	run func(context.Context, *cobra.Command, *client.Client, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: short + ".", Example: "  " + example, Args: args, RunE: talk(run)}
}

// changes gives a command the flags of a change.
func (m *managed) changes(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "check all, change nothing")
	cmd.Flags().Uint64Var(&m.ifMatch, "if-match", 0, "change this generation of the site alone; default: the one that is found")
	return cmd
}

// onSite runs a change of a site that is named by name or id.
func (m *managed) onSite(ctx context.Context, c *client.Client, name string, do func(client.Site, client.Condition) error) error {
	s, err := findSite(ctx, c, name)
	if err != nil {
		return err
	}
	how := client.Condition{IfMatch: s.Generation, DryRun: m.dryRun}
	if m.ifMatch != 0 {
		how.IfMatch = m.ifMatch
	}
	return do(s, how)
}

// findSite finds one by its name, or its id.
func findSite(ctx context.Context, c *client.Client, name string) (client.Site, error) {
	page, err := c.SitesNamed(ctx, name)
	if err != nil {
		return client.Site{}, err
	}
	if len(page.Items) == 1 {
		return page.Items[0], nil
	}
	s, err := c.Site(ctx, name)
	var p *client.Problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		return s, fmt.Errorf("there is no site %q\nhint: releve site list shows them", name)
	}
	return s, err
}

// show prints a value as JSON, or as people want it.
func (m *managed) show(cmd *cobra.Command, value any, table func(out io.Writer) error) error {
	if m.json {
		return terminal.PrintJSON(cmd.OutOrStdout(), value)
	}
	return table(cmd.OutOrStdout())
}

// done tells what a change did.
func (m *managed) done(cmd *cobra.Command, value any, what string, args ...any) error {
	return m.show(cmd, value, func(out io.Writer) error {
		tried := ""
		if m.dryRun {
			tried = " (tried only; nothing has changed)"
		}
		_, err := fmt.Fprintf(out, what+"%s\n", append(args, tried)...)
		return err
	})
}

// all reads every part of a list, or most items.
func all[T any](most int, part func(after string, limit int) (client.Page[T], error)) ([]T, error) {
	items := []T{}
	after := ""
	for {
		want := 500
		if most > 0 {
			want = min(want, most-len(items))
		}
		page, err := part(after, want)
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.Next == "" || page.Next == after || most > 0 && len(items) >= most {
			return items, nil
		}
		after = page.Next
	}
}

// completeSites proposes sites' names for the first argument.
func completeSites(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	saved, err := client.Load()
	if err != nil || len(args) > 0 {
		return nil, none
	}
	c, err := saved.Client()
	if err != nil {
		return nil, none
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	page, err := c.Sites(ctx, "", 500)
	if err != nil {
		return nil, none
	}
	var names []string
	for _, s := range page.Items {
		if strings.HasPrefix(s.Name, begun) {
			names = append(names, s.Name)
		}
	}
	return names, none
}

func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
