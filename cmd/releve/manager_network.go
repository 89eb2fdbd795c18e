package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// native is what the native range is called among a site's networks.
const native = "native"

func (m *managed) networkCommand() *cobra.Command {
	group := terminal.Group("network", "Networks of a site: the native range and routed ranges",
		"Work with a site's networks: the native range, called native, and routed ranges.")
	group.AddCommand(m.networkList(), m.networkAdd(), m.networkSet(), m.networkRemove())
	return group
}

func (m *managed) networkList() *cobra.Command {
	cmd := leaf("list SITE", "List a site's networks", "releve network list paris", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			s, err := findSite(ctx, c, args[0])
			if err != nil {
				return err
			}
			return m.show(cmd, s.Networks, func(out io.Writer) error { return writeNetworks(out, s) })
		})
	cmd.ValidArgsFunction = completeSites
	return cmd
}

func writeNetworks(out io.Writer, s client.Site) error {
	g := terminal.NewGrid(out, "NETWORK", "SUBNET", "VIA")
	g.Row(native, s.Native.Subnet, "local IP "+s.Native.LocalIP)
	for _, n := range s.Networks {
		via := "the Azure default router"
		if n.Gateway != "" {
			via = n.Gateway
		}
		g.Row(n.Name, n.Subnet, via)
	}
	return g.Write(out)
}

// findNetwork finds a routed range by its name or id.
func findNetwork(s client.Site, name string) (client.Network, error) {
	for _, n := range s.Networks {
		if n.Name == name || n.ID == name {
			return n, nil
		}
	}
	return client.Network{}, fmt.Errorf("site %s has no network %q\nhint: releve network list %s", s.Name, name, s.Name)
}

func (m *managed) networkAdd() *cobra.Command {
	var n client.NewNetwork
	cmd := leaf("add SITE NAME", "Add a routed range", "releve network add paris servers --subnet 10.2.0.0/16 --gateway 10.0.1.9",
		terminal.Arguments(2, 2, "a site and a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[1]
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				s, err := c.AddNetwork(ctx, s.ID, n, how)
				if err != nil {
					return err
				}
				return m.done(cmd, s, "network %s is in %s", n.Name, s.Name)
			})
		})
	cmd.Flags().StringVar(&n.Subnet, "subnet", "", "the range")
	cmd.Flags().StringVar(&n.Gateway, "gateway", "", "a third-party appliance in the native range; default: the Azure default router")
	cmd.ValidArgsFunction = completeSites
	return required(m.changes(cmd), "subnet")
}

func (m *managed) networkSet() *cobra.Command {
	var n client.NativeChange
	var gateway string
	cmd := leaf("set SITE NAME", "Change a routed range, or the native range",
		"releve network set paris native --local-ip 10.0.1.7", terminal.Arguments(2, 2, "a site and a network's name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				var err error
				if args[1] == native {
					s, err = m.setNative(ctx, cmd, c, s, n, how)
				} else {
					s, err = m.setNetwork(ctx, cmd, c, s, args[1], n, gateway, how)
				}
				if err != nil {
					return err
				}
				return m.done(cmd, s, "network %s of %s is changed", args[1], s.Name)
			})
		})
	cmd.Flags().StringVar(&n.Subnet, "subnet", "", "another range")
	cmd.Flags().StringVar(&gateway, "gateway", "", `a third-party appliance in the native range; "" is the Azure default router`)
	terminal.MayBeEmpty(cmd, "gateway")
	cmd.Flags().StringVar(&n.LocalIP, "local-ip", "", "of the native range: the local IP, which is the floating IP while high availability is on")
	cmd.Flags().StringVar(&n.PrimaryIP, "primary-ip", "", "of the native range: the primary's LAN IP")
	cmd.Flags().StringVar(&n.SecondaryIP, "secondary-ip", "", "of the native range: the secondary's LAN IP")
	cmd.ValidArgsFunction = completeSites
	return m.changes(cmd)
}

func (m *managed) setNative(ctx context.Context, cmd *cobra.Command, c *client.Client, s client.Site, n client.NativeChange, how client.Condition) (client.Site, error) {
	if cmd.Flags().Changed("gateway") {
		return s, terminal.Usage(fmt.Errorf("the native range has no --gateway"))
	}
	if n == (client.NativeChange{}) {
		return s, terminal.Usage(fmt.Errorf("nothing to change\nhint: %s --help", cmd.CommandPath()))
	}
	return c.SetNative(ctx, s.ID, n, how)
}

// setNetwork keeps of a routed range what isn't asked for.
func (m *managed) setNetwork(ctx context.Context, cmd *cobra.Command, c *client.Client, s client.Site, name string, n client.NativeChange, gateway string, how client.Condition) (client.Site, error) {
	for _, flag := range []string{"local-ip", "primary-ip", "secondary-ip"} {
		if cmd.Flags().Changed(flag) {
			return s, terminal.Usage(fmt.Errorf("only the native range has --%s", flag))
		}
	}
	found, err := findNetwork(s, name)
	if err != nil {
		return s, err
	}
	next := client.NewNetwork{Name: found.Name, Subnet: found.Subnet, Gateway: found.Gateway}
	if n.Subnet != "" {
		next.Subnet = n.Subnet
	}
	if cmd.Flags().Changed("gateway") {
		next.Gateway = gateway
	}
	return c.SetNetwork(ctx, s.ID, found.ID, next, how)
}

func (m *managed) networkRemove() *cobra.Command {
	cmd := leaf("remove SITE NAME", "Remove a routed range", "releve network remove paris servers",
		terminal.Arguments(2, 2, "a site and a network's name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) error {
				found, err := findNetwork(s, args[1])
				if err != nil {
					return err
				}
				if s, err = c.RemoveNetwork(ctx, s.ID, found.ID, how); err != nil {
					return err
				}
				return m.done(cmd, s, "network %s is removed from %s", found.Name, s.Name)
			})
		})
	cmd.ValidArgsFunction = completeSites
	return m.changes(cmd)
}
