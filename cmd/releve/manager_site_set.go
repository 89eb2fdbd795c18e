package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// theirs is how a person says that a setting is left to the vSocket, or to the
// account.
const theirs = "default"

// siteFlags are what siteSet changes, in its two parts.
type siteFlags struct {
	name string
	pops []string
	tags []string
	ha   client.HAChange
	text map[string]*string // of the HA settings, by the flag's name
}

func (m *managed) siteSet() *cobra.Command {
	f := &siteFlags{text: map[string]*string{}}
	cmd := leaf("set SITE", "Change a site's name, its tags, its PoPs, or its high-availability section",
		"releve site set paris --floating-ip 10.0.1.7", terminal.Arguments(1, 1, "a site"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			change, ha := f.read(cmd.Flags())
			if (change != client.SiteChange{}) == (ha != client.HAChange{}) {
				return terminal.Usage(errors.New("either --name, --tag and --pops, or high availability\nhint: each is a change of its own"))
			}
			return m.onSite(ctx, c, args[0], func(s client.Site, how client.Condition) (err error) {
				if ha != (client.HAChange{}) {
					s, err = c.SetHA(ctx, s.ID, ha, how)
				} else {
					s, err = c.SetSite(ctx, s.ID, change, how)
				}
				if err != nil {
					return err
				}
				return m.done(cmd, s, "site %s is at generation %d", s.Name, s.Generation)
			})
		})
	f.define(cmd.Flags())
	cmd.ValidArgsFunction = completeSites
	return m.changes(cmd)
}

func (f *siteFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "another name")
	flags.StringSliceVar(&f.tags, "tag", nil, `a tag; all that it is to have, once or with commas; "": none`)
	flags.StringSliceVar(&f.pops, "pops", nil, `the PoPs that it uses, best first; "default": all, in the order of their adding`)
	flags.StringVar(&f.ha.FloatingIP, "floating-ip", "", "the floating IP; the native range's local IP follows")
	flags.StringVar(&f.ha.PrimaryIP, "primary-ip", "", "the primary's management IP, which is its LAN IP")
	flags.StringVar(&f.ha.SecondaryIP, "secondary-ip", "", "the secondary's management IP, which is its LAN IP")
	for _, one := range []struct{ name, about string }{
		{"keepalive", "time between two keepalives, 10ms to 1s"},
		{"silent", "silence after which the peer counts as gone, 30ms to 3s"},
		{"lease", "how long the active serves on the peer's word, at least 3 keepalives"},
		{"confirm", "how long a silence lasts on, until the standby claims at Azure, to 1m"},
		{"hold", "how long all must be well before the primary takes the role back, to 1h"},
		{"preempt", "whether it does: on or off"},
		{"alone", "what the active does with neither peer nor Azure: stay or stop"},
		{"third", "who grants the terms: witness or arm"},
	} {
		f.text[one.name] = flags.String(one.name, "", one.about+`; "default": left to the vSocket`)
	}
}

// read is what was given.
func (f *siteFlags) read(flags *pflag.FlagSet) (change client.SiteChange, ha client.HAChange) {
	if flags.Changed("name") {
		change.Name = &f.name
	}
	if flags.Changed("pops") {
		if strings.Join(f.pops, ",") == theirs {
			f.pops = []string{}
		}
		change.PoPs = &f.pops
	}
	if flags.Changed("tag") {
		change.Tags = &f.tags
	}
	ha = f.ha
	for name, to := range map[string]**string{"keepalive": &ha.Keepalive, "silent": &ha.Silent, "lease": &ha.Lease, "confirm": &ha.Confirm,
		"hold": &ha.Hold, "preempt": &ha.Preempt, "alone": &ha.Alone, "third": &ha.Third} {
		if !flags.Changed(name) {
			continue
		}
		*to = f.text[name]
		if **to == theirs {
			**to = ""
		}
	}
	return change, ha
}

// haSettings is what a site decides of its pair, on a line.
func haSettings(h client.HASettings) string {
	var set []string
	for _, one := range [][2]string{{"keepalive", h.Keepalive}, {"silent", h.Silent}, {"lease", h.Lease}, {"confirm", h.Confirm},
		{"hold", h.Hold}, {"preempt", h.Preempt}, {"alone", h.Alone}, {"third", h.Third}} {
		if one[1] != "" {
			set = append(set, one[0]+" "+one[1])
		}
	}
	if len(set) == 0 {
		return "left to the vSockets"
	}
	return strings.Join(set, ", ") + "; the rest is left to the vSockets"
}
