package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"releve.dev/releve/client"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
)

// newChannel makes a vSocket's channel, which isn't there until it is enrolled.
func (w *World) newChannel(node string) {
	p := w.programOn(node, "channel")
	p.argv = []string{w.opt.Agent, "channel", "--config", w.programs[node].path(vsocketConfig)}
	p.held = true
	w.channels[node] = p
}

// enrolBoth makes the site at the manager as the vSockets' files have it, and
// enrols them.
func (w *World) enrolBoth() error {
	if !w.opt.Managed || w.opt.Bare {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.life, managerTime)
	defer cancel()
	made, err := w.CreateSite(ctx)
	if err != nil {
		return err
	}
	if err := w.Enrol(ctx, Primary, made.Primary.Serial); err != nil {
		return err
	}
	if err := w.AwaitPrimary(ctx); err != nil {
		return err
	}
	if made, err = w.AddSecondary(ctx); err != nil {
		return err
	}
	return w.Enrol(ctx, Secondary, made.Secondary.Serial)
}

// CreateSite makes the lab's site at the manager (E1).
func (w *World) CreateSite(ctx context.Context) (client.Site, error) {
	lan := azuresite.Prefixes[azuresite.LAN]
	made, err := w.Owner().CreateSite(ctx, client.NewSite{Name: labSite, Subnet: lan.String(),
		LocalIP: azuresite.Addr(site.Primary, azuresite.LAN).String()}, client.Condition{})
	if err != nil {
		return made, fmt.Errorf("make the site at the manager: %w", err)
	}
	w.overseer.mu.Lock()
	defer w.overseer.mu.Unlock()
	w.overseer.site = made.ID
	return made, nil
}

// AwaitPrimary waits until the manager has seen the primary, and would take a
// secondary (E2).
func (w *World) AwaitPrimary(ctx context.Context) error {
	return w.Await(ctx, "the manager has seen the primary, and offers to add a secondary", managerTime, func(ctx context.Context) bool {
		s, err := w.Owner().Site(ctx, w.Site())
		return err == nil && s.CanAddSecondary
	})
}

// AddSecondary turns high availability on at the manager (E3).
func (w *World) AddSecondary(ctx context.Context) (client.Site, error) {
	is, err := w.Owner().Change(ctx, w.Site(), func(is client.Site, how client.Condition) (client.Site, error) {
		return w.Owner().AddSecondary(ctx, is.ID, client.NewSecondary{
			LANIP: azuresite.Addr(site.Secondary, azuresite.LAN).String(), FloatingIP: azuresite.FloatingIP.String(),
		}, how)
	})
	if err != nil {
		return is, fmt.Errorf("add the secondary at the manager: %w", err)
	}
	return is, nil
}

// Enrol makes a vSocket the one with that serial number, and starts its channel.
func (w *World) Enrol(ctx context.Context, node, serial string) error {
	key, err := w.Owner().EnrolKey(ctx, serial)
	if err != nil {
		return fmt.Errorf("an enrolment key for the %s: %w", node, err)
	}
	var complaint bytes.Buffer
	cmd := exec.Command(w.opt.Agent, "enrol", "--config", w.programs[node].path(vsocketConfig), "--manager", managerAddr, key.Key)
	cmd.Stderr = &complaint
	if err = w.StartIn(node, cmd); err == nil {
		stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
		err = cmd.Wait()
		stop()
	}
	if err != nil {
		return fmt.Errorf("enrol the %s: %w: %s", node, errors.Join(err, ctx.Err()), bytes.TrimSpace(complaint.Bytes()))
	}
	channel := w.channels[node]
	channel.hold(false)
	return channel.run()
}
