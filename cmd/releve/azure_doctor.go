package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/terminal"
)

// exitUnseen is the status of a doctor that couldn't look.
const exitUnseen = 2

// azureDoctor is what the user asked of `releve azure doctor`.
type azureDoctor struct {
	azureAccount
	names              survey.Names
	floating           string
	json, fix, noGuest bool
	yes                bool
}

func doctorCommand() *cobra.Command {
	var d azureDoctor
	command := &cobra.Command{
		Use: "doctor --resource-group GROUP", Short: "Say what is wrong with a site in Azure, and how to mend it",
		Long: `Look at a site's VMs, NICs, addresses, security groups, routes, identity and
roles in Azure, and ask both guests what they see; say of each fault what is
wrong, where, why it matters, and the command or portal step that mends it.
Nothing is changed, unless --fix mends what is safe, after asking.

The exit status is 0 if nothing is an error, 1 if something is, and 2 if Azure
couldn't be asked.
` + signInHelp,
		Example: "  releve azure doctor --resource-group rg-site --network-group rg-network\n" +
			"  releve azure doctor --resource-group rg-site --json | jq -r '.findings[] | .severity + \" \" + .what'",
		Args: terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return d.run(ctx, cmd)
		},
	}
	d.flags(command)
	flags := command.Flags()
	flags.StringVarP(&d.names.Group, "resource-group", "g", "", "resource group of the VMs (required)")
	flags.StringVar(&d.names.NetworkGroup, "network-group", "", "resource group of the VNet; default: the VMs'")
	flags.StringVar(&d.names.Primary, "primary", "", "name of the primary's VM; default: found in the group")
	flags.StringVar(&d.names.Secondary, "secondary", "", "name of the secondary's VM")
	flags.StringVar(&d.floating, "floating-ip", "", "the floating IP; default: the one that Azure has")
	flags.BoolVar(&d.json, "json", false, "print one JSON object")
	flags.BoolVar(&d.fix, "fix", false, "mend what is safe, after asking")
	flags.BoolVar(&d.yes, "yes", false, "don't ask before --fix mends")
	flags.BoolVar(&d.noGuest, "no-guests", false, "don't ask the guests: that takes a run command on each VM")
	if err := command.MarkFlagRequired("resource-group"); err != nil {
		panic("azure doctor: " + err.Error())
	}
	return command
}

func (d *azureDoctor) run(ctx context.Context, cmd *cobra.Command) error {
	if d.floating != "" {
		addr, err := netip.ParseAddr(d.floating)
		if err != nil || !addr.Is4() {
			return usageError{fmt.Errorf("--floating-ip: %q is no IPv4 address", d.floating)}
		}
		d.names.FloatingIP = addr
	}
	client, facts, err := d.look(ctx, cmd)
	if err != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "releve:", err)
		return status(exitUnseen)
	}
	found := doctor.Examine(facts)
	if err := d.tell(cmd, found); err != nil {
		return err
	}
	switch {
	case facts.Caller.Problem != doctor.SignedIn:
		return status(exitUnseen)
	case d.fix && ctx.Err() == nil:
		return d.mend(ctx, cmd, client, facts, found)
	case sheet.Of(found).Errors > 0:
		return terminal.ErrSilent
	}
	return nil
}

func (d *azureDoctor) tell(cmd *cobra.Command, found []doctor.Finding) error {
	if d.json {
		return terminal.PrintJSON(cmd.OutOrStdout(), sheet.Of(found))
	}
	return sheet.Write(cmd.OutOrStdout(), found)
}

// look signs in and gathers the facts. A sign-in that won't do is a fact, too.
func (d *azureDoctor) look(ctx context.Context, cmd *cobra.Command) (*account.Client, *doctor.Facts, error) {
	client, subscription, err := d.open(ctx, cmd)
	var signIn *account.SignInError
	if errors.As(err, &signIn) {
		return nil, &doctor.Facts{Wanted: doctor.Wanted{Subscription: d.subscription},
			Caller: doctor.Caller{Problem: doctor.SignInExpired, Detail: signIn.Err.Error()}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	d.names.Subscription = subscription.ID
	names, err := survey.Find(ctx, client, d.names)
	if err != nil {
		return nil, nil, err
	}
	d.names = names
	facts, err := survey.Read(ctx, client, names)
	if err == nil && !d.noGuest && facts.Caller.Problem == doctor.SignedIn {
		if !d.json {
			fmt.Fprintln(cmd.ErrOrStderr(), "asking both guests, which may take a minute ...")
		}
		err = survey.Guests(ctx, client, facts)
	}
	return client, facts, err
}

// mend carries the safe remedies out, and looks again.
func (d *azureDoctor) mend(ctx context.Context, cmd *cobra.Command, client *account.Client, facts *doctor.Facts, found []doctor.Finding) error {
	steps := plan.Mend(found, [2]string{facts.Members[0].VM.ID, facts.Members[1].VM.ID})
	if len(steps) > 0 {
		run := azureRun{yes: d.yes, json: d.json}
		if err := run.run(ctx, cmd, client, steps, &plan.Known{}, nil); err != nil {
			return err
		}
		_, again, err := d.look(ctx, cmd)
		if err != nil {
			return err
		}
		found = doctor.Examine(again)
		if err := d.tell(cmd, found); err != nil {
			return err
		}
	}
	if sheet.Of(found).Errors > 0 {
		return terminal.ErrSilent
	}
	return nil
}
