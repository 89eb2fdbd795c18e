package world

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/client"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// popFile is the name of a PoP's configuration, in its folder.
const popFile = "pop.yaml"

// startCloud starts the PoPs, whose keys the vSockets' settings want, and the
// other site's vSocket.
func (w *World) startCloud() error {
	if !w.opt.Cloud {
		return nil
	}
	for _, p := range w.cloud.pops {
		if err := w.startPoP(p); err != nil {
			return err
		}
	}
	return w.startBranch()
}

func (w *World) startPoP(p *pop) error {
	program, err := w.newProgram(p.node, popFile, w.opt.PoP)
	if err != nil {
		return err
	}
	text, err := w.popText(p)
	if err != nil {
		return err
	}
	if err := program.write(text); err != nil {
		return err
	}
	if p.key, err = w.initPoP(p, program.path(popFile)); err != nil {
		return err
	}
	if err := program.run(); err != nil || !w.opt.Managed {
		return err
	}
	return w.enrolPoP(p)
}

// enrolPoP makes a PoP the manager's, which gives it the lab's site.
func (w *World) enrolPoP(p *pop) error {
	channel := w.programOn(p.node, "channel")
	channel.argv = []string{w.opt.PoP, "channel", "--config", w.programs[p.node].path(popFile)}
	w.channels[p.node] = channel
	ctx, cancel := context.WithTimeout(w.life, managerTime)
	defer cancel()
	made, err := w.Owner().AddPoP(ctx, client.NewPoP{Name: p.node}, client.Condition{})
	if err != nil {
		return fmt.Errorf("add %s at the manager: %w", p.node, err)
	}
	key, err := w.Owner().PoPKey(ctx, made.ID)
	if err != nil {
		return fmt.Errorf("an enrolment key for %s: %w", p.node, err)
	}
	return w.enrol(ctx, p.node, w.opt.PoP, key.Key)
}

// popText is a PoP's file. It is refused here if the PoP would refuse a part of it.
func (w *World) popText(p *pop) ([]byte, error) {
	text, err := yaml.Marshal(w.popConfig(p))
	if err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", p.node, err)
	}
	_, refused, err := config.Parse(popFile, text)
	if err == nil && len(refused) > 0 {
		err = refused
	}
	if err != nil {
		return nil, fmt.Errorf("a PoP refuses these settings: %w", err)
	}
	return text, nil
}

// initPoP makes a PoP's key pair, as its set-up does, and reads the public one.
func (w *World) initPoP(p *pop, file string) (public tunnel.Key, err error) {
	var out, complaint bytes.Buffer
	cmd := exec.Command(w.opt.PoP, "init", "--config", file)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err = w.StartIn(p.node, cmd); err == nil {
		err = cmd.Wait()
	}
	if err == nil {
		err = public.UnmarshalText(bytes.TrimSpace(out.Bytes()))
	}
	if err != nil {
		err = fmt.Errorf("initialise %s: %w: %s", p.node, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return public, err
}

// popConfig is what a PoP runs from.
func (w *World) popConfig(p *pop) config.Config {
	c := config.Default()
	c.Name, c.StateDir, c.RunDir = p.node, w.stateDir(p.node), w.runDir(p.node)
	c.Uplink = config.Uplink{Name: uplink, Address: p.addr}
	c.Listen = config.Listen{Primary: primaryPort, Secondary: secondaryPort}
	c.Devices = config.Devices{Primary: p.devices[site.Primary], Secondary: p.devices[site.Secondary]}
	c.Witness = config.Witness{Address: witness.Addr(), Port: int(witness.Port())}
	c.Sites = []config.Site{{Name: branchSite, ID: 2, Ranges: []netip.Prefix{branchLAN.Masked()}, Primary: w.cloud.ends[Branch].peer()}}
	if !w.opt.Managed { // else the manager gives it
		c.Sites = append(c.Sites, config.Site{Name: labSite, ID: 1, Ranges: []netip.Prefix{azuresite.Space},
			Primary: w.cloud.ends[Primary].peer(), Secondary: w.cloud.ends[Secondary].peer()})
	}
	return c
}

// peer is a vSocket as the PoP knows it.
func (e *tunnelEnd) peer() *config.VSocket {
	return &config.VSocket{PublicKey: e.key.Public(), Address: e.address, WitnessKey: e.witness}
}
