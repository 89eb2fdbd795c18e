package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/disk"
	"releve.dev/releve/vsocket/agent"
)

// A floating IP changes while the pair runs, once both hold it (R14, core/steer).
// That there is a former one is on the disk before the steering is told: whoever
// dies in the middle, and takes over later, moves both.

// formerFile is beside the last good settings: a JSON list of addresses.
const formerFile = "former"

// former are the floating IPs before this one that may still be in use.
func (s *source) former(present netip.Addr) (list []netip.Addr) {
	raw, err := s.applied.Read(formerFile)
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Error("former floating IPs can't be read", "error", err)
	}
	return slices.DeleteFunc(list, func(addr netip.Addr) bool { return addr == present })
}

func (s *source) keepFormer(list []netip.Addr) error {
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	s.disk.Lock()
	defer s.disk.Unlock()
	return disk.Replace(s.applied, formerFile, raw)
}

// readdress keeps the change, and then gives it to the steering.
func (p *pair) readdress() {
	c := &p.change
	c.readdressing = true
	want, addr := c.want, c.want.cfg.HA.FloatingIP
	former := slices.DeleteFunc(append(slices.Clone(p.former), p.fip), func(old netip.Addr) bool { return old == addr })
	go func() {
		err := p.source.keepFormer(former)
		if err == nil {
			err = p.source.keep(want)
		}
		p.loop.Post(p.ctx, func(now time.Duration) {
			c.readdressing = false
			if err != nil {
				c.waits = "the change of the floating IP can't be kept: " + err.Error()
				p.fip = addr // not again: the next agent may
				p.tellWaits()
				return
			}
			p.fip, p.former = addr, former
			p.driver.FloatingIP(now, addr, steer.Change{Former: former})
			p.review(now)
		})
	}()
}

// endReaddress: the former one is on no NIC any more. The standby doesn't know, and
// goes on naming it; as the active it would find the same.
func (p *pair) endReaddress() {
	if len(p.former) == 0 || p.driver.Change().Step != steer.Done {
		return
	}
	p.former = nil
	p.driver.FloatingIP(agent.BootClock(), p.fip, steer.Change{})
	go func() {
		if err := p.source.keepFormer(nil); err != nil {
			slog.Error("that a former floating IP is gone can't be kept", "error", err)
		}
	}()
}
