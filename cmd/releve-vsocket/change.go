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

	readdressing bool    // another floating IP is being kept, before it is given to the steering
	next         *joined // of the life after this one
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
	if next.generation() == c.want.generation() && c.want.cfg != nil {
		p.tellWaits() // asked again
		return
	}
	c.want, c.waits, c.anew, c.readdressing, c.leaves = next, "", false, false, next.cfg.HA == nil
	if c.leaves {
		c.waits = "HA is off at the manager, and this vSocket leaves it once it is the active one and the other has stopped"
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
	if c := &p.change; len(c.formers) > 0 && !c.leaves {
		why = append(why, "the other vSocket hasn't said that it has them: the old and the new are used side by side until then")
	}
	if p.change.waits != "" {
		why = append(why, p.change.waits)
	}
	if next := p.change.want.cfg; !p.change.leaves && next.HA.FloatingIP != p.fip && !p.driver.Agreed() {
		why = append(why, "the floating IP changes once the other vSocket has these settings too")
	}
	if len(why) > 0 {
		p.source.waits(strings.Join(why, "; "))
	}
}

// review does what has become possible. It is called with each tick and datagram.
func (p *pair) review(now time.Duration) {
	c := &p.change
	p.endReaddress()
	if c.want.cfg == nil || c.next != nil || c.readdressing {
		return
	}
	agreed := p.driver.Agreed()
	if agreed && len(c.formers) > 0 {
		c.formers = nil
		p.sideBySide()
		p.tellWaits()
	}
	switch {
	case !c.leaves && agreed && (c.waits == "" || c.anew) && c.want.cfg.HA.FloatingIP != p.fip:
		p.readdress() // what can't be taken at all must not become the last good ones
	case c.leaves && p.driver.Alone(now), c.anew && agreed && p.driver.Resting(now):
		next := c.want
		c.next = &next
		p.loop.Leave()
	case !c.leaves && c.waits == "" && len(c.formers) == 0 && c.want.cfg.HA.FloatingIP == p.fip:
		whole := c.want
		c.want = joined{}
		go p.source.ran(whole) // the disk may be slow, and the loop must not be
	}
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
