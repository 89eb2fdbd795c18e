package world

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
)

// SetProfile changes how long Azure takes from now on.
func (w *World) SetProfile(p profile.Profile) {
	w.azure.SetProfile(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opt.Profile = p
}

// Lease is that of the agents' settings.
func (w *World) Lease() time.Duration { return w.haSettings(site.Secondary).Lease }

// ByHand lets an administrator do something to the floating IP, as a fault.
// Its own effect counts as no move.
func (w *World) ByHand(kind string, do func() error) error {
	w.acting.Lock()
	defer w.acting.Unlock()
	w.began(report.Fault{At: clock.Now(), Node: Azure, Kind: kind}, report.WhatFault, Azure+" "+kind)
	return w.fip.byHand(do)
}

// TakeFIPAway removes the floating IP from whichever LAN NIC has it.
func (w *World) TakeFIPAway() error { return w.putFIP(site.NoSide) }

// MisplaceFIP puts the floating IP on the secondary's LAN NIC.
func (w *World) MisplaceFIP() error { return w.putFIP(site.Secondary) }

// putFIP gives the floating IP to one side alone, at one stroke: no vSocket
// gets a word in between the two writes.
func (w *World) putFIP(to site.Side) error {
	var list []azuresite.Resource
	for _, side := range []site.Side{site.Primary, site.Secondary} { // off one NIC before on the other
		body, err := w.editedNIC(side, side == to)
		if err != nil {
			return err
		}
		list = append(list, azuresite.Resource{ID: w.layout.LANNIC(side), Body: string(body)})
	}
	var failed error
	w.azure.With(func(now time.Duration, s *store.Store) {
		for _, r := range list {
			failed = errors.Join(failed, s.Place(now, r.ID, r.Body))
		}
	})
	return failed
}

func addressOf(config json.RawMessage) string {
	var c struct {
		Properties struct {
			PrivateIPAddress string `json:"privateIPAddress"`
		} `json:"properties"`
	}
	_ = json.Unmarshal(config, &c) // of ARM's own making
	return c.Properties.PrivateIPAddress
}

// editedNIC is a LAN NIC's present body with the floating IP or without.
func (w *World) editedNIC(side site.Side, with bool) ([]byte, error) {
	body, err := w.NIC(side)
	if err != nil {
		return nil, err
	}
	var nic, properties map[string]json.RawMessage
	var configs []json.RawMessage
	if err := json.Unmarshal(body, &nic); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(nic["properties"], &properties); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(properties["ipConfigurations"], &configs); err != nil {
		return nil, err
	}
	configs = slices.DeleteFunc(configs, func(c json.RawMessage) bool { return addressOf(c) == azuresite.FloatingIP.String() })
	if with {
		configs = append(configs, json.RawMessage(w.layout.FloatingConfig()))
	}
	if properties["ipConfigurations"], err = json.Marshal(configs); err != nil {
		return nil, err
	}
	if nic["properties"], err = json.Marshal(properties); err != nil {
		return nil, err
	}
	return json.Marshal(nic)
}

// Kill ends a vSocket's agent at once.
func (w *World) Kill(node string) {
	w.Note(report.WhatFault, node+" agent killed")
	w.programs[node].kill()
}

// Hold stops a vSocket's agent in its tracks, so that it reads nothing more
// until it is killed.
func (w *World) Hold(node string) { w.programs[node].signal(unix.SIGSTOP, true) }

// StartAgent starts a vSocket's agent.
func (w *World) StartAgent(node string) error {
	w.Note("agent started", node)
	return w.programs[node].run()
}

// GiveSettings gives both vSockets their HA settings, as the set-up does: new
// files, and both restarted.
func (w *World) GiveSettings() error {
	w.acting.Lock()
	defer w.acting.Unlock()
	w.began(report.Fault{At: clock.Now(), Kind: "HA settings given"}, "ha settings given", "to both vSockets")
	for _, node := range vsockets {
		ctx, cancel := context.WithTimeout(w.life, stopTime)
		err := w.programs[node].stop(ctx)
		cancel()
		if err != nil {
			return err
		}
		if err := w.writeConfig(node, true); err != nil {
			return err
		}
	}
	for _, node := range vsockets {
		if err := w.programs[node].run(); err != nil {
			return err
		}
	}
	return nil
}
