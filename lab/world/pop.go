package world

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/pop/config"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// popFile is the name of a PoP's configuration, in its folder.
const popFile = "pop.yaml"

// startCloud starts the PoP, whose key the vSockets' settings want, and the
// other site's vSocket.
func (w *World) startCloud() error {
	if !w.opt.Cloud {
		return nil
	}
	p, err := w.newProgram(PoP, popFile, w.opt.PoP)
	if err != nil {
		return err
	}
	text, err := w.popText()
	if err != nil {
		return err
	}
	if err := p.write(text); err != nil {
		return err
	}
	if w.cloud.pop, err = w.initPoP(p.path(popFile)); err != nil {
		return err
	}
	if err := p.run(); err != nil {
		return err
	}
	return w.startBranch()
}

// popText is the PoP's file. It is refused here if the PoP would refuse a part of it.
func (w *World) popText() ([]byte, error) {
	text, err := yaml.Marshal(w.popConfig())
	if err != nil {
		return nil, fmt.Errorf("write the PoP's configuration: %w", err)
	}
	_, refused, err := config.Parse(popFile, text)
	if err == nil && len(refused) > 0 {
		err = refused
	}
	if err != nil {
		return nil, fmt.Errorf("the PoP refuses these settings: %w", err)
	}
	return text, nil
}

// initPoP makes the PoP's key pair, as its set-up does, and reads the public one.
func (w *World) initPoP(file string) (public tunnel.Key, err error) {
	var out, complaint bytes.Buffer
	cmd := exec.Command(w.opt.PoP, "init", "--config", file)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err = w.StartIn(PoP, cmd); err == nil {
		err = cmd.Wait()
	}
	if err == nil {
		err = public.UnmarshalText(bytes.TrimSpace(out.Bytes()))
	}
	if err != nil {
		err = fmt.Errorf("initialise the PoP: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return public, err
}

// popConfig is what the PoP runs from.
func (w *World) popConfig() config.Config {
	c := config.Default()
	c.Name, c.StateDir, c.RunDir = PoP, w.stateDir(PoP), w.runDir(PoP)
	c.Uplink = config.Uplink{Name: uplink, Address: azuresite.PoPAddr}
	c.Listen = config.Listen{Primary: primaryPort, Secondary: secondaryPort}
	c.Devices = config.Devices{Primary: popDevices[site.Primary], Secondary: popDevices[site.Secondary]}
	c.Witness = config.Witness{Address: witness.Addr(), Port: int(witness.Port())}
	c.Sites = []config.Site{
		{Name: labSite, ID: 1, Ranges: []netip.Prefix{azuresite.Space}, Primary: w.cloud.ends[Primary].peer(), Secondary: w.cloud.ends[Secondary].peer()},
		{Name: branchSite, ID: 2, Ranges: []netip.Prefix{branchLAN.Masked()}, Primary: w.cloud.ends[Branch].peer()},
	}
	return c
}

// peer is a vSocket as the PoP knows it.
func (e *tunnelEnd) peer() *config.VSocket {
	return &config.VSocket{PublicKey: e.key.Public(), Address: e.address, WitnessKey: e.witness}
}
