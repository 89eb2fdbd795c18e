package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) siteCommand() *cobra.Command {
	group := terminal.Group("site", "Azure sites: create, list, show, set, delete", "Work with the account's Azure sites.")
	group.AddCommand(m.siteCreate(), m.siteList(), m.siteShow(), m.siteSet(), m.siteDelete())
	return group
}

func (m *managed) siteCreate() *cobra.Command {
	var n client.NewSite
	cmd := leaf("create NAME", "Create a site; its primary vSocket gets a serial number",
		"releve site create paris --subnet 10.0.1.0/24 --local-ip 10.0.1.4", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[0]
			s, err := c.CreateSite(ctx, n, client.Condition{DryRun: m.dryRun})
			if err != nil {
				return err
			}
			return m.done(cmd, s, "site %s has the primary %s", s.Name, s.Primary.Serial)
		})
	cmd.Flags().StringVar(&n.Subnet, "subnet", "", "native range: the Azure LAN subnet")
	cmd.Flags().StringSliceVar(&n.Tags, "tag", nil, "a tag by which it is found; may be given more than once")
	cmd.Flags().StringVar(&n.LocalIP, "local-ip", "", "the primary's LAN IP")
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "check all, change nothing")
	return required(cmd, "subnet", "local-ip")
}

// required marks flags that a command can't do without.
func required(cmd *cobra.Command, names ...string) *cobra.Command {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic("releve: " + err.Error())
		}
	}
	return cmd
}

func (m *managed) siteList() *cobra.Command {
	return leaf("list", "List the sites", "releve site list --json", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			sites, err := all(0, func(after string, limit int) (client.Page[client.Site], error) { return c.Sites(ctx, after, limit) })
			if err != nil {
				return err
			}
			return m.show(cmd, sites, func(out io.Writer) error {
				g := terminal.NewGrid(out, "NAME", "NATIVE RANGE", "LOCAL IP", "HA", "PRIMARY", "SECONDARY", "GENERATION", "TAGS")
				for _, s := range sites {
					ha, secondary := "off", "-"
					if s.HA != nil {
						ha = "on"
					}
					if s.Secondary != nil {
						secondary = s.Secondary.Serial
					}
					g.Row(s.Name, s.Native.Subnet, s.Native.LocalIP, ha, s.Primary.Serial, secondary, fmt.Sprint(s.Generation), strings.Join(s.Tags, ","))
				}
				return g.Write(out)
			})
		})
}

func (m *managed) siteShow() *cobra.Command {
	cmd := leaf("show SITE", "Show a site, by its name or id", "releve site show paris", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := findSite(ctx, c, args[0])
			if err != nil {
				return err
			}
			return m.show(cmd, s, func(out io.Writer) error { return writeSite(out, s) })
		})
	cmd.ValidArgsFunction = completeSites
	return cmd
}

func writeSite(out io.Writer, s client.Site) error {
	t := terminal.NewTable(out)
	t.Row("site", t.Bold(s.Name))
	t.Row("id", s.ID)
	t.Row("type", s.Type)
	t.Row("generation", fmt.Sprintf("%d, of %s", s.Generation, when(&s.Changed)))
	t.Row("native range", s.Native.Subnet+", local IP "+s.Native.LocalIP)
	if s.HA != nil {
		t.Row("high availability", t.Good("on"))
		t.Row("floating IP", s.HA.FloatingIP)
		t.Row("management IPs", "primary "+s.HA.PrimaryIP+", secondary "+s.HA.SecondaryIP)
		t.Row("settings", haSettings(s.HA.Settings))
	} else {
		t.Row("high availability", "off")
	}
	pops := "all, in the order of their adding"
	if len(s.PoPs) > 0 {
		pops = strings.Join(s.PoPs, ", ")
	}
	t.Row("PoPs", pops)
	if len(s.Tags) > 0 {
		t.Row("tags", strings.Join(s.Tags, ", "))
	}
	if err := t.Write(out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	sockets := []client.Socket{s.Primary}
	if s.Secondary != nil {
		sockets = append(sockets, *s.Secondary)
	}
	if err := writeSockets(out, s.Generation, sockets); err != nil {
		return err
	}
	if s.CanAddSecondary {
		fmt.Fprintf(out, "\nA secondary can be added: releve socket add-secondary %s --lan-ip IP --floating-ip IP\n", s.Name)
	}
	if len(s.Networks) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	return writeNetworks(out, s)
}

func (m *managed) siteDelete() *cobra.Command {
	var yes bool
	cmd := leaf("delete SITE", "Delete a site; its serial numbers are void for ever", "releve site delete paris", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				if err := m.sure(cmd, yes, "Delete the site "+s.Name+"? It can't be undone, and its serial numbers are void for ever."); err != nil {
					return err
				}
				if err := c.DeleteSite(ctx, s.ID, how); err != nil {
					return err
				}
				return m.done(cmd, struct{}{}, "site %s is deleted", s.Name)
			})
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.ValidArgsFunction = completeSites
	return m.changes(cmd)
}

// sure asks before what can't be undone (E9). Where nobody can be asked, it
// wants --yes.
func (m *managed) sure(cmd *cobra.Command, yes bool, warning string) error {
	if yes || m.dryRun {
		return nil
	}
	fmt.Fprintln(cmd.ErrOrStderr(), warning)
	fmt.Fprint(cmd.ErrOrStderr(), "Type yes to go on: ")
	answer, err := terminal.Line(cmd.InOrStdin())
	if err != nil || answer != "yes" {
		return errors.New("nothing has changed\nhint: --yes goes on without asking")
	}
	return nil
}
