package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) popCommand() *cobra.Command {
	group := terminal.Group("pop", "PoPs: add, list, show, make enrolment keys, remove",
		"Work with the account's PoPs, which end the tunnels of its sites. A site uses all of\nthem, in the order of their adding, unless it names its own: releve site set SITE --pops.")
	group.AddCommand(m.popAdd(), m.popList(), m.popShow(), m.popKey(), m.popRemove())
	return group
}

// onPoP runs a command on a PoP that is named by its name or id.
func onPoP(ctx context.Context, c *client.Client, name string, do func(client.PoP) error) error {
	page, err := c.PoPs(ctx)
	if err != nil {
		return err
	}
	for _, p := range page.Items {
		if p.Name == name || p.ID == name {
			return do(p)
		}
	}
	return fmt.Errorf("there is no PoP %q\nhint: releve pop list shows them", name)
}

func (m *managed) popAdd() *cobra.Command {
	cmd := leaf("add NAME", "Add a PoP; it gets a serial number", "releve pop add pop1", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := c.AddPoP(ctx, client.NewPoP{Name: args[0]}, client.Condition{DryRun: m.dryRun})
			if err != nil {
				return err
			}
			return m.done(cmd, p, "PoP %s has the serial number %s", p.Name, p.Serial)
		})
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "check all, change nothing")
	return cmd
}

func (m *managed) popList() *cobra.Command {
	return leaf("list", "List the PoPs, in the order in which sites use them", "releve pop list", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			page, err := c.PoPs(ctx)
			if err != nil {
				return err
			}
			return m.show(cmd, page.Items, func(out io.Writer) error {
				g := terminal.NewGrid(out, "NAME", "SERIAL", "STATE", "ENDPOINT", "VERSION", "LAST SEEN", "SETTINGS")
				for _, p := range page.Items {
					g.Row(p.Name, p.Serial, p.State, orDash(p.Endpoint), orDash(p.Version), when(p.Seen), progress(p.Generation, p.Delivered, p.Applied, p.Problem))
				}
				return g.Write(out)
			})
		})
}

func (m *managed) popShow() *cobra.Command {
	return leaf("show POP", "Show a PoP, by its name or id", "releve pop show pop1", terminal.Arguments(1, 1, "a PoP"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return onPoP(ctx, c, args[0], func(p client.PoP) error {
				return m.show(cmd, p, func(out io.Writer) error { return writePoP(out, p) })
			})
		})
}

func writePoP(out io.Writer, p client.PoP) error {
	t := terminal.NewTable(out)
	t.Row("PoP", t.Bold(p.Name))
	t.Row("id", p.ID)
	t.Row("serial number", p.Serial+", "+p.State)
	connected := "no"
	if p.Connected {
		connected = t.Good("yes")
	}
	t.Row("connected", connected+", last seen "+when(p.Seen))
	t.Row("version", orDash(p.Version))
	t.Row("settings", fmt.Sprintf("generation %d, %s", p.Generation, progress(p.Generation, p.Delivered, p.Applied, p.Problem)))
	if p.Endpoint != "" {
		t.Row("endpoint", fmt.Sprintf("%s, UDP port %d for primaries, %d for secondaries", p.Endpoint, p.PrimaryPort, p.SecondaryPort))
		t.Row("public key", p.PublicKey)
		t.Row("witness", p.Witness)
	}
	return t.Write(out)
}

func (m *managed) popKey() *cobra.Command {
	return leaf("enrol-key POP", "Make the key with which a PoP enrols: good once, for 24 hours", "releve pop enrol-key pop1",
		terminal.Arguments(1, 1, "a PoP"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return onPoP(ctx, c, args[0], func(p client.PoP) error {
				key, err := c.PoPKey(ctx, p.ID)
				if err != nil {
					return err
				}
				return m.showKey(cmd, key)
			})
		})
}

func (m *managed) popRemove() *cobra.Command {
	var yes bool
	cmd := leaf("remove POP", "Remove a PoP that no site names; its serial number is void for ever", "releve pop remove pop1",
		terminal.Arguments(1, 1, "a PoP"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return onPoP(ctx, c, args[0], func(p client.PoP) error {
				if err := m.sure(cmd, yes, "Remove the PoP "+p.Name+"? It can't be undone, and its serial number is void for ever."); err != nil {
					return err
				}
				if err := c.RemovePoP(ctx, p.ID, client.Condition{DryRun: m.dryRun}); err != nil {
					return err
				}
				return m.done(cmd, struct{}{}, "PoP %s is removed; stop it once its sites run without it", p.Name)
			})
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.Flags().BoolVar(&m.dryRun, "dry-run", false, "check all, change nothing")
	return cmd
}
