package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// managing is somebody who runs a site by the manager alone.
type managing struct {
	*stage
	secondary string // its serial number, the latest
}

// playManaged goes through E1 to E10. The traffic is judged all along: nothing that
// is done at the manager may cost a packet.
func playManaged(s *stage) error {
	m := &managing{stage: s}
	return steps(
		m.first,
		m.refused,
		m.second,
		m.failOver,
		m.changed,
		m.routed,
		m.unassigned,
		m.again,
		m.failOver,
	)
}

// promise takes down a broken promise that only the play can see.
func (s *stage) promise(held bool, format string, args ...any) {
	if !held {
		s.ev.wrong = append(s.ev.wrong, fail(clock.Now(), format, args...)...)
	}
}

// site is what the manager has.
func (m *managing) site() (client.Site, error) { return m.w.Owner().Site(m.ctx, m.w.Site()) }

// first: the site has a serial number (E1), its primary serves without HA settings,
// and a secondary is offered, as it was seen (E2).
func (m *managing) first() error {
	is, err := m.site()
	if err != nil {
		return err
	}
	m.promise(is.Primary.State == "registered" && is.Secondary == nil && is.HA == nil && is.CanAddSecondary,
		"the site has a %s primary, the secondary %v, HA %v, and offers to add one: %v", is.Primary.State, is.Secondary, is.HA, is.CanAddSecondary)
	return steps(
		func() error { return m.reports("the primary as Master", masterIs(world.Primary)) },
		func() error { return m.applied(is.Primary.Serial) },
		func() error { return m.pause(calm) },
	)
}

// refused: addresses that can't be are refused, with what is wrong, and nothing
// changes (E6).
func (m *managing) refused() error {
	before, err := m.site()
	if err != nil {
		return err
	}
	own, fip := azuresite.Addr(site.Secondary, azuresite.LAN).String(), azuresite.FloatingIP.String()
	reserved, outside := world.ManagerNative().Addr().Next().String(), world.BranchPCAddr.String()
	taken := azuresite.Addr(site.Primary, azuresite.LAN).String()
	for _, c := range []struct{ lan, fip, wrong string }{{reserved, fip, reserved}, {own, outside, outside}, {own, own, own}, {taken, fip, taken}} {
		_, err := m.w.Owner().AddSecondary(m.ctx, before.ID, client.NewSecondary{LANIP: c.lan, FloatingIP: c.fip},
			client.Condition{IfMatch: before.Generation})
		var p *client.Problem
		m.promise(errors.As(err, &p) && strings.Contains(p.Error(), c.wrong), "a secondary at %s with the floating IP %s: %v", c.lan, c.fip, err)
	}
	after, err := m.site()
	m.promise(err != nil || after.Generation == before.Generation && after.HA == nil, "what was refused has changed something")
	return err
}

// second: a secondary is added (E3 to E5), its VM is set up, and the running primary
// becomes one of a pair once it knows where the other one is.
func (m *managing) second() error {
	is, err := m.w.AddSecondary(m.ctx)
	if err != nil {
		return err
	}
	m.secondary = is.Secondary.Serial
	m.promise(is.HA != nil && is.HA.FloatingIP == azuresite.FloatingIP.String() && is.Native.LocalIP == is.HA.FloatingIP,
		"the secondary is added: HA is %+v, the native range's local IP %s", is.HA, is.Native.LocalIP)
	m.promise(is.HA != nil && is.HA.SecondaryIP == azuresite.Addr(site.Secondary, azuresite.LAN).String(),
		"the secondary's management IP isn't its LAN IP: %+v", is.HA)
	return m.setUp()
}

// setUp enrols the secondary's VM, waits for its settings, and starts its agent.
func (m *managing) setUp() error {
	return steps(
		func() error { return m.w.Enrol(m.ctx, world.Secondary, m.secondary) },
		func() error { return m.w.AwaitDelivered(m.ctx) },
		func() error { return m.w.Deploy(world.Secondary) },
		func() error { return m.ready(world.Primary) },
		func() error {
			return m.reports("HA Ready, the primary as Master", both(isReady, masterIs(world.Primary)))
		},
		m.bothApplied,
		m.crosses,
		func() error { return m.pause(calm) },
	)
}

// applied waits until a vSocket runs with what was saved last.
func (m *managing) applied(serial string) error {
	var saved uint64
	var has client.Socket
	err := m.await("what was saved is applied", func(ctx context.Context) bool {
		is, err := m.site()
		if err != nil {
			return false
		}
		has, err = m.w.Owner().Socket(ctx, serial)
		saved = is.Generation
		return err == nil && has.Applied >= saved
	})
	if err != nil {
		return fmt.Errorf("%w: %s runs with %d of %d: %s", m.explain(err), serial, has.Applied, saved, has.Problem)
	}
	return nil
}

func (m *managing) bothApplied() error {
	is, err := m.site()
	if err != nil {
		return err
	}
	return steps(func() error { return m.applied(is.Primary.Serial) }, func() error { return m.applied(m.secondary) })
}

// failOver goes there and back.
func (m *managing) failOver() error {
	return steps(
		func() error {
			return m.cut(world.Primary, "crash", one, func() error {
				return steps(m.moved, func() error { return m.reports("the secondary as Master", masterIs(world.Secondary)) })
			})
		},
		func() error {
			return m.reports("HA Ready, the primary as Master", both(isReady, masterIs(world.Primary)))
		},
	)
}

// changed: settings of a running pair are taken by both at once (E7).
func (m *managing) changed() error {
	hold := quickHold.String()
	is, err := m.w.SetHA(m.ctx, client.HAChange{Hold: &hold})
	if err != nil {
		return err
	}
	m.promise(is.HA != nil && is.HA.Settings.Hold == hold, "the hold before a failback is set to %s, and is %+v", hold, is.HA)
	return steps(m.bothApplied, func() error { return m.pause(calm) })
}

// routed: a range behind the Azure default router is added, and one behind an
// appliance that isn't in the native range is not (E8).
func (m *managing) routed() error {
	add := func(n client.NewNetwork) (client.Site, error) {
		return m.w.Owner().Change(m.ctx, m.w.Site(), func(is client.Site, how client.Condition) (client.Site, error) {
			return m.w.Owner().AddNetwork(m.ctx, is.ID, n, how)
		})
	}
	_, err := add(client.NewNetwork{Name: "phones", Subnet: "10.105.0.0/16", Gateway: world.BranchPCAddr.String()})
	var p *client.Problem
	m.promise(errors.As(err, &p), "a gateway outside the native range: %v", err)
	is, err := add(client.NewNetwork{Name: "servers", Subnet: "10.104.0.0/16"})
	if err != nil {
		return err
	}
	m.promise(len(is.Networks) == 1 && is.Networks[0].Subnet == "10.104.0.0/16", "the routed ranges are %+v", is.Networks)
	return steps(m.bothApplied, func() error { return m.pause(calm) })
}

// cutOff is how soon a vSocket that is unassigned must be off (E9). The lab looks each 20 ms.
const cutOff = time.Second + 20*time.Millisecond

// unassigned: the secondary's serial number is void for ever, it is cut off at
// once, and the primary goes on alone (E9).
func (m *managing) unassigned() error {
	if err := m.w.Owner().Again(m.ctx); err != nil {
		return err
	}
	m.w.MayEnd(world.Secondary)
	began := clock.Now()
	is, err := m.w.Owner().Change(m.ctx, m.w.Site(), func(is client.Site, how client.Condition) (client.Site, error) {
		return m.w.Owner().Unassign(m.ctx, is.ID, how)
	})
	if err != nil {
		return err
	}
	if err := m.await("the secondary is cut off", func(context.Context) bool { return m.w.Refused(world.Secondary) }); err != nil {
		return err
	}
	took := clock.Now() - began
	m.promise(took <= cutOff, "the secondary was cut off after %s, want at most %s", took.Round(time.Millisecond), time.Second)
	m.promise(is.Secondary == nil && is.HA == nil && is.Native.LocalIP == azuresite.Addr(site.Primary, azuresite.LAN).String(),
		"unassigned: the secondary is %v, HA %v, the local IP %s", is.Secondary, is.HA, is.Native.LocalIP)
	void, err := m.w.Owner().Socket(m.ctx, m.secondary)
	m.promise(err == nil && void.State == "void", "the unassigned vSocket is %q, %v", void.State, err)
	return steps(
		func() error { return m.applied(is.Primary.Serial) },
		func() error { return m.reports("the primary as Master", masterIs(world.Primary)) },
		m.crosses,
		func() error { return m.pause(calm) },
		func() error { return m.fault(world.Secondary, "crash") }, // somebody deletes its VM
		func() error { return m.pause(calm) },
	)
}

// again: another secondary has another serial number (E10).
func (m *managing) again() error {
	was := m.secondary
	return steps(
		func() error { return m.w.Replace(world.Secondary) },
		m.second,
		func() error {
			m.promise(m.secondary != was, "the new secondary has the old one's serial number")
			return nil
		},
	)
}

// checkManaged: besides what the cuts promise and the play saw, no outage begins
// outside a cut.
func checkManaged(ev *evidence) []finding {
	list := append(slices.Clone(ev.wrong), checkCuts(ev)...)
	for direction, outages := range ev.Outages {
		for _, o := range outages {
			if !slices.ContainsFunc(ev.cuts, func(c cut) bool { return o.From >= c.Began-carried && o.From <= c.Over }) {
				list = append(list, fail(o.From, "%s: an outage of %s, and no vSocket was down", direction, o.Length.Round(time.Millisecond))...)
			}
		}
	}
	return list
}
