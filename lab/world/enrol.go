package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
)

// native is the site's native range at the manager. PoPs aren't told routed ranges,
// so it has to have vm1's subnet in it too.
var native = azuresite.Space

// ManagerNative is that range, for scenarios.
func ManagerNative() netip.Prefix { return native }

// startManaged makes the site at the manager, enrols its vSockets, and starts their
// agents once each has all its settings: who is to be one of a pair is so from its
// first moment.
func (w *World) startManaged() error {
	for _, node := range vsockets {
		w.newChannel(node)
		w.programs[node].held = true
	}
	ctx, cancel := context.WithTimeout(w.life, 2*managerTime)
	defer cancel()
	made, err := w.CreateSite(ctx)
	if err != nil {
		return err
	}
	if err := w.Enrol(ctx, Primary, made.Primary.Serial); err != nil {
		return err
	}
	present := []string{Primary}
	if !w.opt.OneOnly {
		if err := w.enrolSecond(ctx); err != nil {
			return err
		}
		present = vsockets
	}
	if err := w.AwaitDelivered(ctx); err != nil {
		return err
	}
	for _, node := range present {
		if err := w.Deploy(node); err != nil {
			return err
		}
	}
	return nil
}

// enrolSecond makes the site a pair, with the timers that this lab was asked for.
func (w *World) enrolSecond(ctx context.Context) error {
	if err := w.AwaitPrimary(ctx); err != nil {
		return err
	}
	made, err := w.AddSecondary(ctx)
	if err != nil {
		return err
	}
	if _, err := w.SetHA(ctx, w.haChange()); err != nil {
		return err
	}
	return w.Enrol(ctx, Secondary, made.Secondary.Serial)
}

// haChange is haSettings as a change at the manager.
func (w *World) haChange() client.HAChange {
	ha := w.haSettings(site.Secondary)
	span := func(d time.Duration) *string {
		text := max(d, time.Millisecond).String() // the manager takes none of 0
		return &text
	}
	change := client.HAChange{Keepalive: span(ha.Keepalive), Silent: span(ha.Silent), Lease: span(ha.Lease),
		Confirm: span(ha.Confirm), Hold: span(ha.Hold)}
	if third := string(ha.Third); third != "" {
		change.Third = &third
	}
	return change
}

// newChannel makes a vSocket's channel, which isn't there until it is enrolled.
func (w *World) newChannel(node string) {
	p := w.programOn(node, "channel")
	p.argv = []string{w.opt.Agent, "channel", "--config", w.programs[node].path(vsocketConfig)}
	p.held = true
	w.channels[node] = p
}

// CreateSite makes the lab's site at the manager (E1).
func (w *World) CreateSite(ctx context.Context) (client.Site, error) {
	made, err := w.Owner().CreateSite(ctx, client.NewSite{Name: labSite, Subnet: native.String(),
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

// SetHA changes the high-availability section at the manager (E7).
func (w *World) SetHA(ctx context.Context, change client.HAChange) (client.Site, error) {
	is, err := w.Owner().Change(ctx, w.Site(), func(is client.Site, how client.Condition) (client.Site, error) {
		return w.Owner().SetHA(ctx, is.ID, change, how)
	})
	if err != nil {
		return is, fmt.Errorf("change the HA settings at the manager: %w", err)
	}
	return is, nil
}

// Enrol makes a vSocket the one with that serial number, and starts its channel.
func (w *World) Enrol(ctx context.Context, node, serial string) error {
	key, err := w.Owner().EnrolKey(ctx, serial)
	if err != nil {
		return fmt.Errorf("an enrolment key for the %s: %w", node, err)
	}
	return w.enrol(ctx, node, w.opt.Agent, key.Key)
}

// mostEnrolments is how often an enrolment is tried: a machine that is busy may
// answer for nobody for a while, and a key is used up by success alone.
const mostEnrolments = 3

// enrol runs a program's enrolment inside its node, then the program's channel.
func (w *World) enrol(ctx context.Context, node, program, key string) (err error) {
	for range mostEnrolments {
		if err = w.enrolOnce(ctx, node, program, key); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("enrol %s: %w", node, err)
	}
	channel := w.channels[node]
	channel.hold(false)
	return channel.run()
}

func (w *World) enrolOnce(ctx context.Context, node, program, key string) error {
	var complaint bytes.Buffer
	p := w.programs[node]
	cmd := exec.Command(program, "enrol", "--config", p.path(p.config), "--manager", managerAddr, key)
	cmd.Stderr = &complaint
	err := w.StartIn(node, cmd)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
		err = cmd.Wait()
		stop()
	}
	if err != nil {
		return fmt.Errorf("%w: %s", errors.Join(err, ctx.Err()), bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

// AwaitDelivered waits until PoPs run with what was saved, and each vSocket has it
// on its disk.
func (w *World) AwaitDelivered(ctx context.Context) error {
	last := ""
	err := w.Await(ctx, "what was saved is delivered", managerTime, func(ctx context.Context) bool {
		is, err := w.undelivered(ctx)
		if err == nil {
			last = is
		}
		return err == nil && is == ""
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, last)
	}
	return nil
}

// undelivered says what is still to come. A vSocket that hasn't told its MGMT address
// leaves its peer without one.
func (w *World) undelivered(ctx context.Context) (string, error) {
	pops, err := w.Owner().PoPs(ctx)
	if err != nil {
		return "", err
	}
	for _, p := range pops.Items {
		if p.Applied < p.Generation {
			return fmt.Sprintf("%s runs with %d of %d: %s", p.Name, p.Applied, p.Generation, p.Problem), nil
		}
	}
	is, err := w.Owner().Site(ctx, w.Site())
	if err != nil {
		return "", err
	}
	sockets := []client.Socket{is.Primary}
	if is.Secondary != nil {
		sockets = append(sockets, *is.Secondary)
	}
	for _, s := range sockets {
		if s.Delivered < is.Generation || s.MGMTIP == "" {
			return fmt.Sprintf("the %s has %d of %d, and has told its MGMT address %q", s.Role, s.Delivered, is.Generation, s.MGMTIP), nil
		}
	}
	return "", nil
}
