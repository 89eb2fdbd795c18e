package agent

import (
	"encoding/json"
	"net/netip"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/record"
)

// FloatingIP takes another floating IP while it runs, or the end of such a change
// (R14). Both vSockets must hold the change before either is given it.
func (d *Driver) FloatingIP(now time.Duration, addr netip.Addr, change steer.Change) {
	d.tape.floating(now, &floating{addr, change})
	d.now, d.cfg.FloatingIP = now, addr
	d.steered(d.steer.Configure(now, addr, change))
	d.settle()
}

// Change says how a change of the floating IP goes.
func (d *Driver) Change() steer.Status { return d.steer.Status() }

// FIPChange is the same for people; nil: none is under way.
func (d *Driver) FIPChange() *site.FIPChange {
	s := d.Change()
	if s.Step == steer.NoChange {
		return nil
	}
	c := &site.FIPChange{Step: string(s.Step), Former: s.Former, Unread: s.Unread, Denied: s.Denied, Problem: s.Problem}
	for _, e := range s.Entries {
		c.Routes = append(c.Routes, site.RouteEntry(e))
	}
	return c
}

// floating is such a call as the record has it.
type floating struct {
	Addr   netip.Addr
	Change steer.Change
}

func (t *tape) floating(now time.Duration, f *floating) {
	if t == nil {
		return
	}
	text, err := json.Marshal(f)
	if err != nil {
		panic("agent: a floating IP can't be recorded: " + err.Error())
	}
	t.row.Detail = string(text)
	t.input(record.Floating, now)
}

func (p *player) floating(now time.Duration, text string) {
	var f floating
	if err := json.Unmarshal([]byte(text), &f); err != nil || !f.Addr.IsValid() {
		p.differ("a floating IP that is none")
		return
	}
	p.driver.FloatingIP(now, f.Addr, f.Change)
}

// Addresses is Guest.
func (w *watch) Addresses(list []netip.Addr) error {
	for _, addr := range list {
		w.mixText(addr.String())
	}
	return w.act(didAddresses, uint64(len(list)), func() error { return w.ports.Guest.Addresses(list) })
}
