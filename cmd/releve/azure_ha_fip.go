package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/terminal"
)

func setFIPCommand() *cobra.Command {
	var s struct {
		azurePair
		azureRun
		from string
	}
	command := &cobra.Command{
		Use: "set-fip ADDRESS", Short: "Change the floating IP with the traffic kept up",
		Long: `Give a pair another floating IP: the active vSocket adds it beside the present
one, the routes are led to it, and half a minute after the last of them the
vSockets are told to take the present one off. With a manager the site is changed
there.
` + signInHelp,
		Example: "  releve azure ha set-fip 10.0.2.201 --resource-group rg-site --network-group rg-network",
		Args:    terminal.Arguments(1, 1, "an address"),
	}
	command.RunE = interruptible(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		to, err := addrFlag("ADDRESS", args[0])
		if err != nil {
			return err
		}
		return setFIP(ctx, cmd, &s.azurePair, &s.azureRun, to, s.from)
	})
	s.azurePair.flags(command)
	s.azureRun.flags(command)
	command.Flags().StringVar(&s.from, "from", "", "the present one; default: the one that ha or the manager knows")
	return command
}

func setFIP(ctx context.Context, cmd *cobra.Command, pair *azurePair, run *azureRun, to netip.Addr, from string) error {
	if err := pair.look(ctx, cmd); err != nil {
		return err
	}
	f := pair.facts
	if err := signedIn(f); err != nil {
		return err
	}
	if from != "" {
		addr, err := addrFlag("--from", from)
		if err != nil {
			return err
		}
		f.Wanted.FloatingIP = addr
	} else if made := plan.Made(f); made.IsValid() {
		f.Wanted.FloatingIP = made
	} else if former := plan.Former(f, to); f.Wanted.FloatingIP == to && former.IsValid() {
		f.Wanted.FloatingIP = former // the manager has the new one already
	}
	if err := checkFIP(ctx, cmd, pair, to); err != nil {
		return err
	}
	if pair.managed != nil && !run.plan && pair.managed.HA != nil && pair.managed.HA.FloatingIP != to.String() {
		change := client.HAChange{FloatingIP: to.String()}
		if _, err := pair.manager.SetHA(ctx, pair.managed.ID, change, client.Condition{IfMatch: pair.managed.Generation}); err != nil {
			return fmt.Errorf("changing the floating IP at the manager: %w", err)
		}
	}
	steps := plan.SetFIP(plan.Wanted{Managed: pair.managed != nil}, f, to)
	return run.run(ctx, cmd, pair.client, steps, &plan.Known{}, nil)
}

// checkFIP refuses an address before anything changes: the rules of doctor, for a
// site that had it.
func checkFIP(ctx context.Context, cmd *cobra.Command, pair *azurePair, to netip.Addr) error {
	switch {
	case !pair.facts.Wanted.FloatingIP.IsValid():
		return errors.New("nobody knows the present floating IP\nhint: give --from; releve azure ha sets a pair up")
	case pair.facts.Members[0].LAN == nil || pair.facts.Members[1].LAN == nil:
		return errors.New("the two LAN NICs aren't there\nhint: --primary and --secondary name the VMs")
	}
	names := pair.names
	names.FloatingIP = to
	then, err := survey.Read(ctx, pair.client, names)
	if err != nil {
		return err
	}
	found := slices.DeleteFunc(doctor.Examine(then), func(f doctor.Finding) bool { return f.Code != "fip-taken" && !strings.HasPrefix(f.Code, "address-") })
	if len(found) == 0 {
		return nil
	}
	if err := sheet.Write(cmd.ErrOrStderr(), found); err != nil {
		return err
	}
	return fmt.Errorf("nothing has changed: %s can't be the floating IP", to)
}
