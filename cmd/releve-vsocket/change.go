package main

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// change is what becomes of settings that come while a pair runs (decision 9). It
// is the loop's own.
//
// What the two vSockets share is used in both forms, the old and the new, until the
// peer has said that it goes by the new ones: addresses and key here, the timers in
// core/ha. Nobody has to be first, and a restart in between changes nothing: the
// next life begins with what was agreed on last.
type change struct {
	want    joined       // the newest; cfg nil: none has come
	formers []*config.HA // what the peer may still go by
	waits   string       // what isn't taken, and why
	anew    bool         // by another life, as a standby
	leaves  bool         // by a life alone
	told    string       // what it waits for, as last told
	tellAt  time.Duration
	next    *joined // of the life after this one
}

// take is the door's: settings have come.
func (p *pair) take(ctx context.Context, next joined) error {
	done := make(chan struct{})
	p.loop.Post(ctx, func(now time.Duration) {
		defer close(done)
		p.taken(now, next)
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.ctx.Done():
		return errStarting
	}
}

func (p *pair) taken(now time.Duration, next joined) {
	c := &p.change
	if c.want.cfg != nil && next.same(c.want) {
		p.tellWaits() // asked again
		return
	}
	if err := p.unfit(next); err != nil {
		p.source.refuse(next, err)
		return
	}
	c.want, c.waits, c.anew, c.leaves = next, "", false, next.cfg.HA == nil
	if c.leaves {
		where := "at the manager"
		if next.settings == nil {
			where = "in the file"
		}
		c.waits = "HA is off " + where + ", and this vSocket leaves it once it is the active one and the other has stopped"
		p.tellWaits()
		return
	}
	c.waits, c.anew = later(p.cfg, next.cfg)
	if shared(p.ha) != shared(next.cfg.HA) {
		c.formers = append(c.formers, p.ha)[max(0, len(c.formers)-mostFormers+1):]
	}
	p.ha = next.cfg.HA
	cfg := p.haConfig(p.ha)
	cfg.Waits = c.anew
	p.driver.Configure(now, cfg)
	p.sideBySide()
	if p.review(now); c.want.cfg != nil {
		p.tellWaits()
	}
}

// mostFormers bounds how many changes the peer may be behind.
const mostFormers = 4

// tellWaits says what the newest settings still wait for.
func (p *pair) tellWaits() {
	var why []string
	c := &p.change
	if len(c.formers) > 0 && !c.leaves {
		why = append(why, "the other vSocket hasn't said that it has them: the old and the new are used side by side until then")
	}
	if want := c.floatingIP(); want.IsValid() {
		if text := p.fips.says(want); text != "" {
			why = append(why, text)
		}
	}
	if c.waits != "" {
		why = append(why, c.waits)
	}
	if c.told = strings.Join(why, "; "); c.told != "" {
		p.source.waits(c.told)
	}
}

// tellPace is how soon people read how a change of the floating IP goes on.
const tellPace = time.Second

// keepTelling tells what has become of what was told.
func (p *pair) keepTelling(now time.Duration) {
	c := &p.change
	want := c.floatingIP()
	if now < c.tellAt || !want.IsValid() {
		return
	}
	c.tellAt = now + tellPace
	if text := p.fips.says(want); text != "" && !strings.Contains(c.told, text) {
		p.tellWaits()
	}
}

// floatingIP is that of the newest settings, whatever else they wait for; none, if
// they have none.
func (c *change) floatingIP() netip.Addr {
	if c.want.cfg == nil || c.leaves {
		return netip.Addr{}
	}
	return c.want.cfg.HA.FloatingIP
}

// review does what has become possible. It is called with each tick and datagram.
func (p *pair) review(now time.Duration) {
	c := &p.change
	if c.next != nil {
		return
	}
	agreed := p.driver.Agreed()
	p.fips.review(now, c.floatingIP(), agreed)
	if c.want.cfg == nil {
		return
	}
	if agreed && len(c.formers) > 0 {
		c.formers = nil
		p.sideBySide()
		p.tellWaits()
	}
	p.keepTelling(now)
	switch {
	case c.leaves && p.driver.Alone(now), c.anew && agreed && p.fips.keeps(c.want.cfg.HA.FloatingIP) && p.driver.Resting(now):
		next := c.want
		c.next = &next
		p.loop.Leave()
	case !c.leaves && c.waits == "" && len(c.formers) == 0 && p.fips.runs(c.want.cfg.HA.FloatingIP):
		whole := c.want
		c.want = joined{}
		go p.ran(whole) // the disk may be slow, and the loop must not be
	}
}

// ran is called by a goroutine of its own.
func (p *pair) ran(whole joined) {
	p.source.ran(whole)
	p.loop.Post(p.ctx, func(time.Duration) { p.fips.applied = whole.cfg.HA.FloatingIP })
}

// sideBySide sends to, and believes, the peer with what it has now and had before.
func (p *pair) sideBySide() {
	var peers [][keepalive.Paths]netip.Addr
	var keys []auth.MAC
	for _, former := range p.change.formers {
		peers = append(peers, paths(former))
		if former.Key != p.ha.Key {
			keys = append(keys, auth.NewHMAC(former.KeyBytes()))
		}
	}
	p.links.SetPeers(paths(p.ha), peers...)
	p.keys.Set(auth.NewHMAC(p.ha.KeyBytes()), keys...)
}

func paths(ha *config.HA) [keepalive.Paths]netip.Addr {
	return [keepalive.Paths]netip.Addr{keepalive.LAN: ha.Peer.LAN, keepalive.MGMT: ha.Peer.MGMT}
}

// talk sends what is signed with a key that has changed with the former ones too.
type talk struct{ *pair }

func (t talk) Send(path keepalive.Path, datagram []byte) {
	t.links.Send(path, datagram)
	t.keys.Former(datagram, func(copy []byte) { t.links.Send(path, copy) })
}

// shared is what of the settings the two must have alike, or know of each other.
func shared(h *config.HA) config.HA {
	return config.HA{Peer: h.Peer, Key: h.Key, Keepalive: h.Keepalive, Silent: h.Silent, Lease: h.Lease}
}

// later says what of new settings a running pair can't take, and whether another
// life of a standby's can.
func later(now, next *config.Config) (why string, anew bool) {
	switch {
	case next.HA.Third != now.HA.Third:
		return "who grants the terms is another one" + stopBoth, false
	case now.Egress == next.Egress && sameWays(now, next) && sameWitness(now, next):
		return "", false
	case now.HA.Third == config.ThirdWitness && !extends(now.Cloud, next.Cloud):
		return "the PoPs in use are others" + stopBoth, false
	}
	return "the way to the cloud changes as soon as this vSocket is a standby at rest: the one of the two that is first, then the other after a handover", true
}

// stopBoth: a term is bound to what it was granted with, and one vSocket can't change
// that by itself.
const stopBoth = ", which changes only while neither vSocket runs" +
	"\nhint: stop both agents, take the folder `applied` in their state_dir away, and start them"

func sameWitness(a, b *config.Config) bool {
	return a.Cloud == nil || b.Cloud == nil || a.Cloud.SiteID == b.Cloud.SiteID && a.Cloud.WitnessKey == b.Cloud.WitnessKey
}

// extends: the PoPs that were there are still at their places, and so is the
// site's record at their witnesses.
func extends(now, next *config.Cloud) bool {
	if next == nil || now.SiteID != next.SiteID || len(next.PoPs) < len(now.PoPs) {
		return false
	}
	for i := range now.PoPs {
		if now.PoPs[i].Name != next.PoPs[i].Name || now.PoPs[i].Witness != next.PoPs[i].Witness {
			return false
		}
	}
	return true
}

// haConfig is the role machine's.
func (p *pair) haConfig(h *config.HA) ha.Config {
	c := ha.Config{
		Side: p.cfg.Side, Version: p.version, Generation: h.Generation, Third: keepalive.ARM,
		Keepalive: h.Keepalive, Silent: h.Silent, Lease: h.Lease, Confirm: h.Confirm, Hold: h.Hold,
		Preempt: h.Preempt == config.PreemptOn, AloneStay: h.Alone == config.AloneStay, FromSolo: p.fromSolo,
	}
	if p.cfg.HA.Third == config.ThirdWitness {
		c.Third, c.WitnessID, c.PoPs = keepalive.Witness, p.cfg.Cloud.SiteID, len(p.cfg.Cloud.PoPs)
	}
	return c
}
