package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) socketCommand() *cobra.Command {
	group := terminal.Group("socket", "vSockets: list, add a secondary, unassign it, make enrolment keys, restart, read journals", "Work with the vSockets of sites.")
	group.AddCommand(m.addSecondary(), m.unassign(), m.enrolKey(), m.socketShow(), m.socketList(), m.socketRestart(), m.socketJournal())
	return group
}

func (m *managed) addSecondary() *cobra.Command {
	var n client.NewSecondary
	cmd := leaf("add-secondary SITE", "Add the secondary vSocket, and turn high availability on",
		"releve socket add-secondary paris --lan-ip 10.0.1.5 --floating-ip 10.0.1.6", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				s, err := c.AddSecondary(ctx, s.ID, n, how)
				if err != nil {
					return err
				}
				return m.done(cmd, s, "site %s has the secondary %s; high availability is on, and the local IP is %s",
					s.Name, s.Secondary.Serial, s.Native.LocalIP)
			})
		})
	cmd.Flags().StringVar(&n.LANIP, "lan-ip", "", "the secondary's LAN IP, also its management IP")
	cmd.Flags().StringVar(&n.FloatingIP, "floating-ip", "", "the floating IP in the LAN")
	cmd.ValidArgsFunction = completeSites
	return required(m.changes(cmd), "lan-ip", "floating-ip")
}

func (m *managed) unassign() *cobra.Command {
	var yes bool
	cmd := leaf("unassign SITE", "Unassign the secondary: its serial number is void for ever",
		"releve socket unassign paris", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				if s.Secondary == nil {
					return fmt.Errorf("site %s has no secondary", s.Name)
				}
				serial := s.Secondary.Serial
				err := m.sure(cmd, yes, fmt.Sprintf("Unassign %s, the secondary of %s? It can't be undone: the serial number is void for ever,\n"+
					"the vSocket can no longer connect, and high availability is off.", serial, s.Name))
				if err != nil {
					return err
				}
				if s, err = c.Unassign(ctx, s.ID, how); err != nil {
					return err
				}
				return m.done(cmd, s, "%s is void; high availability of %s is off, and the local IP is %s", serial, s.Name, s.Native.LocalIP)
			})
		})
	cmd.Long = `Unassign the secondary. It can't be undone: its serial number is void for ever,
the deployed vSocket can no longer connect, high availability is off, and the
native range has its local IP back. A secondary that is added again is a new
vSocket with a new serial number.`
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.ValidArgsFunction = completeSites
	return m.changes(cmd)
}

func (m *managed) enrolKey() *cobra.Command {
	return leaf("enrol-key SERIAL", "Make the key with which a vSocket enrols: good once, for 24 hours",
		"releve socket enrol-key RLV-7K2M-9QXC", terminal.Arguments(1, 1, "a serial number"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			key, err := c.EnrolKey(ctx, args[0])
			if err != nil {
				return err
			}
			return m.showKey(cmd, key)
		})
}

func (m *managed) showKey(cmd *cobra.Command, key client.EnrolKey) error {
	return m.show(cmd, key, func(out io.Writer) error {
		_, err := fmt.Fprintln(out, key.Key)
		return err
	})
}

func (m *managed) socketShow() *cobra.Command {
	return leaf("show SERIAL", "Show a vSocket by its serial number, a void one too", "releve socket show RLV-7K2M-9QXC",
		terminal.Arguments(1, 1, "a serial number"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := c.Socket(ctx, args[0])
			if err != nil {
				return err
			}
			return m.show(cmd, s, func(out io.Writer) error { return writeSockets(out, 0, []client.Socket{s}) })
		})
}

// listed is a vSocket of a list, with its site.
type listed struct {
	Site       string `json:"site"`
	Generation uint64 `json:"generation"` // of the site's settings
	client.Socket
}

func (m *managed) socketList() *cobra.Command {
	return leaf("list", "List all sites' vSockets, and how far their settings have come", "releve socket list",
		terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			sites, err := all(0, func(after string, limit int) (client.Page[client.Site], error) { return c.Sites(ctx, after, limit) })
			if err != nil {
				return err
			}
			sockets := []listed{}
			for _, s := range sites {
				sockets = append(sockets, listed{s.Name, s.Generation, s.Primary})
				if s.Secondary != nil {
					sockets = append(sockets, listed{s.Name, s.Generation, *s.Secondary})
				}
			}
			return m.show(cmd, sockets, func(out io.Writer) error {
				g := terminal.NewGrid(out, "SITE", "SOCKET", "SERIAL", "STATE", "VERSION", "LAST SEEN", "SETTINGS")
				for _, s := range sockets {
					g.Row(s.Site, s.Role, s.Serial, s.State, orDash(s.Version), when(s.Seen), progress(s.Generation, s.Delivered, s.Applied, s.Problem))
				}
				return g.Write(out)
			})
		})
}

// progress says how far the settings of a generation have come, and why no
// further. 0 is a generation that isn't known.
func progress(generation, delivered, applied uint64, problem string) string {
	text := "saved"
	switch {
	case generation == 0:
		text = fmt.Sprintf("delivered %d, applied %d", delivered, applied)
	case applied >= generation:
		text = "applied"
	case delivered >= generation:
		text = "delivered"
	}
	if problem != "" {
		text += ": " + strings.ReplaceAll(problem, "\n", "; ")
	}
	return text
}

// writeSockets shows how far the settings of a generation have come: saved,
// delivered, applied. 0 is a generation that isn't known.
func writeSockets(out io.Writer, generation uint64, sockets []client.Socket) error {
	g := terminal.NewGrid(out, "SOCKET", "SERIAL", "STATE", "LAN IP", "VERSION", "LAST SEEN", "SETTINGS")
	for _, s := range sockets {
		g.Row(s.Role, s.Serial, s.State, s.LANIP, orDash(s.Version), when(s.Seen), progress(generation, s.Delivered, s.Applied, s.Problem))
		if s.State == "void" {
			g.Paint(2, g.Bad)
		}
	}
	return g.Write(out)
}
