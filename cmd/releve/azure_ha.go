package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/terminal"
)

// azureHA is what the user asked of `releve azure ha`.
type azureHA struct {
	azurePair
	azureRun
	role                          string
	routes, keepRoutes, noRestart bool
}

func haCommand() *cobra.Command {
	var h azureHA
	command := &cobra.Command{
		Use: "ha", Short: "Set up high availability of two vSockets in Azure",
		Long: `Make a pair of two vSockets' VMs: an identity with a role that may move the
floating IP and nothing else, the settings in both guests, the floating IP on
the primary's LAN NIC, route table entries that lead to the primary's LAN
address led to the floating IP, and a restart of both VMs, the secondary first.

All is checked before the first change, and all that is wrong is said at once.
What is there already stays; the same command again does what is left, or
nothing. --plan shows what would change. ` + "`releve azure ha undo`" + ` takes it back.

With a manager, where ` + "`releve login`" + ` has signed in, the site is found there by its
addresses, and gives the floating IP; without one give --floating-ip.
` + signInHelp,
		Example: "  releve azure ha --resource-group rg-site --network-group rg-network --plan\n" +
			"  releve azure ha -g rg-site --primary vs1 --secondary vs2 --floating-ip 10.0.2.200 --yes",
		Args: terminal.Arguments(0, 0, "no arguments"), RunE: interruptible(h.run),
	}
	h.azurePair.flags(command)
	h.azureRun.flags(command)
	flags := command.Flags()
	flags.StringVar(&h.role, "role", "least", "what the identity may: least (move the floating IP), or contributor (all in the resource groups)")
	flags.BoolVar(&h.routes, "routes", false, "the identity may change route tables, too: vSockets then follow a change of the floating IP by themselves")
	flags.BoolVar(&h.keepRoutes, "keep-routes", false, "leave route tables as they are")
	flags.BoolVar(&h.noRestart, "no-restart", false, "don't restart the VMs")
	command.AddCommand(undoCommand(), setFIPCommand())
	return command
}

// interruptible runs a command until it ends, Ctrl-C or a polite kill.
func interruptible(run func(context.Context, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, cmd, args)
	}
}

func (h *azureHA) run(ctx context.Context, cmd *cobra.Command, _ []string) error {
	if h.role != "least" && h.role != "contributor" {
		return usageError{fmt.Errorf("--role: %q is neither least nor contributor", h.role)}
	}
	if err := h.look(ctx, cmd); err != nil {
		return err
	}
	if err := h.check(ctx, cmd); err != nil {
		return err
	}
	f := h.facts
	tables, err := h.consent(cmd)
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("making the pair's key: %w", err)
	}
	steps := plan.HA(plan.Wanted{
		Managed: h.managed != nil, Key: base64.StdEncoding.EncodeToString(key),
		Contributor: h.role == "contributor", Routes: h.routes, Tables: tables, NoRestart: h.noRestart,
	}, f)
	if err := h.azureRun.run(ctx, cmd, h.client, steps, &plan.Known{}, h.serves); err != nil || h.plan {
		return err
	}
	return h.final(ctx, cmd)
}

// check refuses before the first change, with all that is wrong.
func (h *azureHA) check(ctx context.Context, cmd *cobra.Command) error {
	f := h.facts
	found := doctor.Blocking(doctor.Examine(f))
	var errs []error
	if !f.Wanted.FloatingIP.IsValid() {
		errs = append(errs, errors.New("there is no floating IP\nhint: give --floating-ip with a free address of the LAN subnet"))
	}
	for _, m := range f.Members {
		if !m.VM.Found || m.LAN == nil || m.MGMT == nil {
			errs = append(errs, fmt.Errorf("the %s's VM %s isn't there with its LAN and MGMT NICs\nhint: --primary and --secondary name the VMs; releve azure deploy makes one", m.Side, orDash(m.VM.Name)))
		}
	}
	errs = append(errs, h.connected(ctx)...)
	if len(found) > 0 {
		if err := sheet.Write(cmd.ErrOrStderr(), found); err != nil {
			return err
		}
		errs = append(errs, fmt.Errorf("nothing has changed: %d of what is above must be mended first\nhint: releve azure doctor looks again, and --fix mends what is safe", len(found)))
	}
	return errors.Join(errs...)
}

// connected: with a manager, both vSockets must have been enrolled with it and be
// connected (D5).
func (h *azureHA) connected(ctx context.Context) []error {
	if h.managed == nil {
		return nil
	}
	now, err := h.manager.Status(ctx, h.managed.ID)
	if err != nil {
		return []error{fmt.Errorf("asking the manager for the site's status: %w", err)}
	}
	var errs []error
	for side, s := range map[string]*client.SocketStatus{"primary": &now.Primary, "secondary": now.Secondary} {
		switch {
		case s == nil:
			errs = append(errs, fmt.Errorf("site %s has no %s at the manager\nhint: releve socket add-secondary %s --lan-ip ADDRESS --floating-ip ADDRESS", h.managed.Name, side, h.managed.Name))
		case s.Connection == "heard": // the site has no PoP, so it has no tunnel
		case s.Connection != "connected":
			errs = append(errs, fmt.Errorf("the %s of site %s isn't connected: %s\nhint: releve status %s", side, h.managed.Name, s.Connection, h.managed.Name))
		}
	}
	return errs
}

// consent asks for the routes: they are others' traffic (D9).
func (h *azureHA) consent(cmd *cobra.Command) (bool, error) {
	entries := plan.Leading(h.facts, h.facts.Members[0].LAN.Primary().Addr)
	if h.keepRoutes || h.plan || h.yes || len(entries) == 0 {
		return !h.keepRoutes, nil
	}
	out := cmd.ErrOrStderr()
	fmt.Fprintf(out, "Routes that lead to the primary, and shall lead to the floating IP %s:\n", h.facts.Wanted.FloatingIP)
	for _, e := range entries {
		fmt.Fprintf(out, "  %s, %s, of %s\n", e.Name, e.Prefix, e.Table)
	}
	if !terminal.Person(cmd.InOrStdin()) {
		return false, errors.New("nothing has changed: nobody can be asked about the routes\nhint: --yes changes them, --keep-routes leaves them")
	}
	fmt.Fprint(out, "Type yes to change them, no to leave them: ")
	switch answer, err := terminal.Line(cmd.InOrStdin()); {
	case err != nil:
		return false, err
	case answer == "yes":
		return true, nil
	case answer == "no":
		return false, nil
	}
	return false, errors.New("nothing has changed: neither yes nor no")
}

// addrFlag reads an address that a flag or an argument gives.
func addrFlag(name, text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || !addr.Is4() {
		return netip.Addr{}, usageError{fmt.Errorf("%s: %q is no IPv4 address", name, text)}
	}
	return addr, nil
}
