package agent

import (
	"fmt"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/record"
)

// Status is what the vSocket says of itself.
func (d *Driver) Status(now time.Duration) site.Status {
	d.tape.plain(record.Status, now)
	d.now = now
	v := d.ha.View(now)
	s := site.Status{
		Site: d.cfg.Site, Side: d.cfg.HA.Side, Version: d.cfg.HA.Version,
		Role: v.Role, Master: (v.Role == site.Active || v.Solo) && v.Serve > 0,
		Term: v.Granted.Term, Holder: v.Granted.Holder, Boot: d.boot.String(),
		Fit: v.Fit, Reason: v.Reason.String(),
		Peer: site.PeerStatus{Heard: v.PeerHeard, Role: v.Peer.Role, Fit: v.Peer.Fit, Reason: v.Peer.Reason.String(),
			Version: v.Peer.Version, AgeMS: map[string]float64{}},
		Gate:     site.GateStatus{ServeMS: site.Milliseconds(v.Serve), DrainMS: site.Milliseconds(v.Drain), Down: v.Down},
		FIP:      site.FIPStatus{Address: d.cfg.FloatingIP, Guest: v.Guest, On: d.steer.Where(), Steered: v.Steered, Change: d.FIPChange()},
		Azure:    site.AzureStatus{OK: v.AzureOK, Problem: v.Problem},
		Received: d.received,
	}
	for path, age := range v.Age {
		if age >= 0 {
			s.Peer.AgeMS[keepalive.Path(path).String()] = site.Milliseconds(age)
		}
	}
	s.HA = d.readiness(now)
	s.Witness = d.witnessStatus(now, &v.Witness)
	s.Azure.Since = d.age(now, "azure api", v.AzureOK)
	s.Summary = summary(&s, &v)
	return s
}

func (d *Driver) witnessStatus(now time.Duration, v *ha.WitnessView) *site.WitnessStatus {
	if !v.Asked {
		return nil
	}
	s := &site.WitnessStatus{OK: v.OK, Problem: v.Problem, Since: d.age(now, "witness", v.OK), TripMS: site.Milliseconds(v.Trip)}
	if v.Loss >= 0 {
		percent := float64(v.Loss)
		s.Loss = &percent
	}
	if v.Other.Seq != 0 {
		age := site.Milliseconds(v.Other.Age)
		s.Peer = &age
	}
	return s
}

// readiness is Ready only while every indicator is OK (F1).
func (d *Driver) readiness(now time.Duration) site.HAStatus {
	h := site.HAStatus{Configured: true, Ready: true}
	for _, i := range d.look(now) {
		h.Ready = h.Ready && i.OK
		h.Indicators = append(h.Indicators, site.Indicator{
			Name: i.Name, OK: i.OK, Reason: i.Reason, Since: d.age(now, i.Name, i.OK),
		})
	}
	return h
}

// age is for how many seconds an indicator has been as it is.
func (d *Driver) age(now time.Duration, name string, ok bool) float64 {
	i, seen := d.since[name]
	if !seen || i.ok != ok {
		i = indicator{ok, now}
		d.since[name] = i
	}
	return (now - i.at).Seconds()
}

// lookPace is how often the indicators are looked at unasked.
const lookPace = 250 * time.Millisecond

// watchIndicators keeps their ages true between two looks of somebody's.
func (d *Driver) watchIndicators(now time.Duration) {
	if now >= d.lookAt {
		d.lookAt = now + lookPace
		d.look(now)
	}
}

// look reads the indicators and puts their changes into the timeline.
func (d *Driver) look(now time.Duration) []ha.Indicator {
	all := d.ha.Indicators(now)
	for _, i := range all {
		if was, seen := d.since[i.Name]; seen && was.ok != i.OK {
			d.noteIndicator(i)
		}
		d.age(now, i.Name, i.OK)
	}
	return all
}

func (d *Driver) noteIndicator(i ha.Indicator) {
	if i.OK {
		d.note("ha indicator ok", i.Name)
	} else {
		d.note("ha not ready", i.Name+": "+i.Reason)
	}
}

// third names who grants the terms.
func third(v *ha.View) string {
	if v.Witness.Asked {
		return "the witness"
	}
	return "Azure"
}

// summary is the one sentence that a person on call reads first.
func summary(s *site.Status, v *ha.View) string {
	ready := "HA is Ready."
	for _, i := range s.HA.Indicators {
		if !i.OK {
			ready = fmt.Sprintf("HA is Not ready (%s: %s).", i.Name, i.Reason)
			break
		}
	}
	var does string
	switch {
	case v.Solo && s.Master:
		does = "Master by itself as before its HA settings, until the pair has an active one."
	case s.Master:
		does = fmt.Sprintf("Master in term %d: forwards the site's traffic.", s.Term)
	case v.Role == site.Active:
		does = fmt.Sprintf("Master in term %d, waits for Azure to bring the floating IP.", s.Term)
	case v.Role == site.Suspended:
		does = fmt.Sprintf("Holds term %d but its lease has run out: forwards nothing until it is renewed.", s.Term)
	case v.Role == site.Elect:
		does = fmt.Sprintf("Has been given term %d, waits for the peer to yield.", s.Term)
	case v.Role == site.Claiming:
		does = fmt.Sprintf("Claims term %d at %s.", s.Term+1, third(v))
	case v.Role == site.Mute:
		does = fmt.Sprintf("Has no state of its own and waits for %s to tell the term.", third(v))
	case v.Claim != "":
		does = fmt.Sprintf("Standby; should take over, but waits: %s.", v.Claim)
	case v.Drain > 0:
		does = "Standby; forwards what Azure still brings here."
	default:
		does = "Standby."
	}
	return does + " " + ready
}
