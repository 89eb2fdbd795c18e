package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/examine"
)

func (o *options) doctorCommand() *cobra.Command {
	var asJSON, facts bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong in this guest and on its way to Azure",
		Long: `Look at this vSocket as its identity sees it: interfaces and forwarding, DNS
servers one by one, the way to Azure Resource Manager by the MGMT interface, the
clock, the largest packet that passes, the metadata service and the identity's
rights. Nothing is changed. The exit status is 1 if something is an error.`,
		Example: "  releve-vsocket doctor\n  releve-vsocket doctor --json | jq -r '.findings[].what'",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			guest, err := o.examine(cmd.Context())
			if err != nil {
				return err
			}
			if facts {
				text, err := sheet.Pack(guest)
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
				}
				return err
			}
			all := &doctor.Facts{}
			all.Members[0].Side, all.Members[1].Side = site.Primary, site.Secondary
			all.Guests[guest.Side-site.Primary] = guest
			found := doctor.Examine(all)
			if asJSON {
				err = terminal.PrintJSON(cmd.OutOrStdout(), sheet.Of(found))
			} else {
				err = sheet.Write(cmd.OutOrStdout(), found)
			}
			if err == nil && sheet.Of(found).Errors > 0 {
				err = terminal.ErrSilent
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&facts, "facts", false, "print what was seen, packed, for releve azure doctor to judge")
	return cmd
}

// examine looks at the guest with the settings that the agent has: its file's, and
// the manager's.
func (o *options) examine(ctx context.Context) (*doctor.Guest, error) {
	source, err := newSource(o.config)
	if err != nil {
		return nil, err
	}
	cfg := source.file.cfg
	given, joinErr := source.join(source.given)
	if joinErr == nil && given.cfg != nil {
		cfg = given.cfg
	}
	look, done, err := lookConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	look.Status = func(ctx context.Context) (*doctor.Status, error) { return o.doctorStatus(ctx) }
	guest := examine.Look(ctx, look)
	if joinErr != nil {
		guest.Unseen = append(guest.Unseen, doctor.Unseen{What: "the manager's settings", Where: o.config, Why: joinErr.Error()})
	}
	return guest, ctx.Err()
}

// doctorStatus is the running agent's word; nil if none runs.
func (o *options) doctorStatus(ctx context.Context) (*doctor.Status, error) {
	agent, err := o.dial()
	if err != nil {
		return nil, err
	}
	status, err := agent.Status(ctx)
	if errors.Is(err, control.ErrNotRunning) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &doctor.Status{Role: status.Role, Master: status.Master, Ready: status.HA.Ready, FIP: status.FIP.Address, Heard: status.Peer.Heard}, nil
}

// publicServers answer for public names from anywhere; the first is Azure's own.
var publicServers = []netip.Addr{netip.AddrFrom4([4]byte{168, 63, 129, 16}), netip.AddrFrom4([4]byte{1, 1, 1, 1}), netip.AddrFrom4([4]byte{8, 8, 8, 8})}

func lookConfig(ctx context.Context, cfg *config.Config) (examine.Config, func(), error) {
	i := &cfg.Interfaces
	look := examine.Config{Side: cfg.Side, Version: cfg.Version, Public: publicServers}
	for _, x := range []struct {
		of    string
		iface config.Interface
	}{{"mgmt", i.MGMT}, {"wan", i.WAN}, {"lan", i.LAN}} {
		name, _ := nameOf(x.iface) // not there: told as not up
		look.Interfaces = append(look.Interfaces, examine.Interface{Of: x.of, Name: name, Want: x.iface.Address})
	}
	if cfg.Cloud != nil && len(cfg.Cloud.PoPs) > 0 {
		look.PoP = cfg.Cloud.PoPs[0].Endpoint.Addr()
	}
	if cfg.Routes == config.RoutesOwn {
		look.From = i.MGMT.Address.Addr() // as the agent asks ARM
	}
	if cfg.HA == nil || cfg.Azure == nil {
		look.Endpoint = "https://management.azure.com" // what HA will need
		return look, func() {}, nil
	}
	az := cfg.Azure
	p := &pair{unit: &unit{cfg: cfg}}
	armConfig := p.armConfig()
	look.Peer, look.Endpoint, look.CAFile = cfg.HA.Peer.LAN, az.Endpoint, az.CAFile
	look.Subnet = arm.SubnetID(az.Subscription, az.Subnet.Group, az.Subnet.VNet, az.Subnet.Name)
	look.Settings = doctor.Config{HA: true, FloatingIP: cfg.HA.FloatingIP, PeerLAN: cfg.HA.Peer.LAN, NIC: armConfig.NIC, PeerNIC: armConfig.PeerNIC,
		Subnet: look.Subnet, ClientID: az.ClientID, Endpoint: az.Endpoint}
	var err error
	if look.Metadata, err = imds.New(imds.Config{Base: az.IMDS, ClientID: az.ClientID, Audience: audience(cfg)}); err != nil {
		return look, nil, err
	}
	tokens := imds.NewTokens(look.Metadata)
	armConfig.Tokens = tokens
	if look.ARM, err = arm.New(armConfig); err != nil {
		return look, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	go tokens.Run(ctx)
	return look, func() { cancel(); look.ARM.Close() }, nil
}
