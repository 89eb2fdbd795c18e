package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/ask"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/survey"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// azurePair is a pair of vSockets in Azure, and at the manager if there is one.
type azurePair struct {
	azureAccount
	names    survey.Names
	floating string
	siteName string

	client  *account.Client
	facts   *doctor.Facts
	manager *client.Client // nil: nobody has logged in
	managed *client.Site   // nil: the pair is no manager's
}

func (p *azurePair) flags(cmd *cobra.Command) {
	p.azureAccount.flags(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&p.names.Group, "resource-group", "g", "", "resource group of the VMs")
	flags.StringVar(&p.names.NetworkGroup, "network-group", "", "resource group of the VNet; default: the VMs'")
	flags.StringVar(&p.names.Primary, "primary", "", "name of the primary's VM; default: found in the group")
	flags.StringVar(&p.names.Secondary, "secondary", "", "name of the secondary's VM")
	flags.StringVar(&p.floating, "floating-ip", "", "the floating IP; default: the manager's, or the one that Azure has")
	flags.StringVar(&p.siteName, "site", "", `the site at the manager; default: found by the LAN addresses; "none": there is no manager`)
}

// look signs in, finds the pair and reads its facts.
func (p *azurePair) look(ctx context.Context, cmd *cobra.Command) error {
	if p.floating != "" {
		addr, err := addrFlag("--floating-ip", p.floating)
		if err != nil {
			return err
		}
		p.names.FloatingIP = addr
	}
	c, subscription, err := p.open(ctx, cmd)
	if err != nil {
		return err
	}
	p.client, p.names.Subscription, p.names.Endpoint = c, subscription.ID, p.endpoint()
	if p.names.Authorities, err = p.authorities(); err != nil {
		return err
	}
	if err := p.ask(ctx, cmd); err != nil {
		return err
	}
	if p.names, err = survey.Find(ctx, c, p.names); err != nil {
		return err
	}
	if err := p.askManager(ctx); err != nil {
		return err
	}
	if p.facts, err = survey.Read(ctx, c, p.names); err != nil || p.managed != nil || p.manager == nil {
		return err
	}
	return p.findSite(ctx)
}

// endpoint is ARM's, as the guests reach it, too.
func (p *azurePair) endpoint() string {
	if endpoint := os.Getenv("RELEVE_AZURE_ENDPOINT"); endpoint != "" {
		return strings.TrimSuffix(endpoint, "/")
	}
	return account.PublicEndpoint
}

// ask asks for the resource groups, where they weren't given and somebody is there.
func (p *azurePair) ask(ctx context.Context, cmd *cobra.Command) error {
	talk := ask.Talk{Given: map[string]string{}}
	if p.names.Group != "" {
		talk.Given["resource-group"] = p.names.Group
		talk.Given["network-group"] = p.names.NetworkGroup
	}
	if terminal.Person(cmd.InOrStdin()) {
		talk.Person = ask.NewTerminal(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
	}
	if p.names.Group == "" && talk.Person != nil {
		groups, err := p.client.List(ctx, "/subscriptions/"+p.names.Subscription+"/resourceGroups")
		if err != nil {
			return err
		}
		var choices []ask.Choice
		for _, g := range groups {
			choices = append(choices, ask.Choice{Value: g.Text("name"), Text: g.Text("location")})
		}
		p.names.Group = talk.Ask(ask.Question{Key: "resource-group", Text: "resource group of the VMs", Choices: choices})
		if p.names.NetworkGroup == "" {
			p.names.NetworkGroup = talk.Ask(ask.Question{Key: "network-group", Text: "resource group of the VNet", Default: p.names.Group, Choices: choices})
		}
		return talk.Err()
	}
	p.names.Group = talk.Ask(ask.Question{Key: "resource-group", Text: "resource group of the VMs"})
	return talk.Err()
}

// askManager finds out whether there is a manager, and takes the site from it that was
// named.
func (p *azurePair) askManager(ctx context.Context) error {
	if p.siteName == "none" {
		return nil
	}
	saved, err := client.Load()
	if err == nil {
		p.manager, err = saved.Client()
	}
	wanted := p.siteName != "" || os.Getenv("RELEVE_MANAGER")+os.Getenv("RELEVE_TOKEN") != ""
	if err != nil && wanted {
		return err
	}
	if p.manager == nil || p.siteName == "" {
		return nil // a pair without a manager, or one that its addresses tell
	}
	s, err := findSite(ctx, p.manager, p.siteName)
	if err != nil {
		return err
	}
	return p.take(ctx, &s)
}

// findSite finds the pair at the manager by its addresses, and takes the floating IP
// from it.
func (p *azurePair) findSite(ctx context.Context) error {
	sites, err := all(0, func(after string, limit int) (client.Page[client.Site], error) {
		return p.manager.Sites(ctx, after, limit)
	})
	if err != nil {
		return fmt.Errorf("looking for the site at the manager: %w\nhint: --site none, if the pair has no manager", err)
	}
	var found []client.Site
	for _, s := range sites {
		if s.HA != nil && s.HA.PrimaryIP == lanOf(&p.facts.Members[0]) && s.HA.SecondaryIP == lanOf(&p.facts.Members[1]) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("the manager has no site with high availability and the LAN addresses %s and %s\nhint: releve socket add-secondary adds the secondary to its site; --site names one; --site none, if the pair has no manager",
			lanOf(&p.facts.Members[0]), lanOf(&p.facts.Members[1]))
	case 1:
		return p.take(ctx, &found[0])
	}
	return errors.New("several sites of the manager have these LAN addresses\nhint: --site names the one")
}

func lanOf(m *doctor.Member) string {
	if m.LAN == nil {
		return "-"
	}
	return m.LAN.Primary().Addr.String()
}

// take makes a site of the manager's the pair's. Where the floating IP is another
// than facts were read for already, they are read again.
func (p *azurePair) take(ctx context.Context, s *client.Site) error {
	p.managed = s
	if s.HA == nil {
		return fmt.Errorf("site %s has no high availability at the manager\nhint: releve socket add-secondary %s --lan-ip ADDRESS --floating-ip ADDRESS", s.Name, s.Name)
	}
	fip, err := addrFlag("floating IP of site "+s.Name, s.HA.FloatingIP)
	if err != nil {
		return err
	}
	if p.names.FloatingIP.IsValid() && p.names.FloatingIP != fip {
		return fmt.Errorf("--floating-ip is %s, but site %s has %s at the manager\nhint: releve azure ha set-fip changes it", p.names.FloatingIP, s.Name, fip)
	}
	if p.names.FloatingIP == fip {
		return nil
	}
	p.names.FloatingIP = fip
	if p.facts == nil {
		return nil
	}
	p.facts, err = survey.Read(ctx, p.client, p.names)
	return err
}

const (
	lookEvery  = 10 * time.Second
	serveBound = 15 * time.Minute // a VM's boot, and what the vSocket does after it
)

// serves waits until the guest of a VM serves, after a restart: its agent runs, is
// fit, and is the active or the standby.
func (p *azurePair) serves(ctx context.Context, vm string) error {
	return p.await(ctx, document.Short(vm)+" to serve", vm, func(s *site.Status) (bool, string) {
		return s.Fit && (s.Role == site.Active || s.Role == site.Standby), s.Summary
	})
}

// final is the last check: the pair is Ready.
func (p *azurePair) final(ctx context.Context, cmd *cobra.Command) error {
	vm := p.facts.Members[0].VM.ID
	err := p.await(ctx, "the site to be Ready", vm, func(s *site.Status) (bool, string) { return s.HA.Ready, s.Summary })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.ErrOrStderr(), "high availability is Ready")
	return err
}

// await asks a guest for its status until it is as wanted. The metadata of a
// running VM says nothing of what the appliance in it does, so it is asked itself.
func (p *azurePair) await(ctx context.Context, what, vm string, ok func(*site.Status) (done bool, why string)) error {
	last := ""
	err := account.Await(ctx, what, lookEvery, serveBound, func(ctx context.Context) (bool, error) {
		text, err := survey.Run(ctx, p.client, vm, askStatus)
		if err != nil {
			last = err.Error()
			return false, ctx.Err()
		}
		s := readStatus(text)
		done, why := ok(s)
		last = why
		return done, nil
	})
	var overdue *account.OverdueError
	if errors.As(err, &overdue) && last != "" {
		return fmt.Errorf("%w: %s\nhint: releve azure doctor says what is wrong", err, last)
	}
	return err
}

// askStatus prints the beginning of a vSocket's status: a run command gives
// back the last 4 KB of an output only.
const askStatus = "releve-vsocket status --json | tr -d '\\n' | cut -c1-4000"

// readStatus reads what came of a status, as far as it goes.
func readStatus(text string) *site.Status {
	s := &site.Status{}
	decoder := json.NewDecoder(strings.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return s
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return s
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return s
		}
		one, err := json.Marshal(map[string]json.RawMessage{fmt.Sprint(name): value})
		if err != nil || json.Unmarshal(one, s) != nil {
			return s
		}
	}
	return s
}
