package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

// reread reads the file anew. What is wrong with it, or needs a restart, changes
// nothing.
func (s *source) reread() error {
	now := s.present()
	next, err := readEdition(s.path)
	if err != nil {
		return err
	}
	same := bytes.Equal(next.data, now.data)
	if !same {
		err = adopt(next.cfg, now.cfg)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch former := s.unfit; {
	case err != nil:
		s.unfit = err
		s.tell(err.Error())
	case !same:
		// What couldn't be joined to the former file may be joined to this one.
		s.file, s.unfit, s.refused = next, nil, 0
		s.tell("")
	case former != nil: // a person has put it back
		s.unfit = nil
		s.tell("")
	}
	return err
}

// adopt gives a changed file the names that were found for interfaces; the error
// names what a running agent can't change.
func adopt(next, now *config.Config) error {
	var what []string
	differs := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			what = append(what, name)
		}
	}
	list, _ := unnamed(&next.Interfaces)
	for _, iface := range list {
		for _, former := range []config.Interface{now.Interfaces.WAN, now.Interfaces.LAN, now.Interfaces.MGMT} {
			if former.Address == iface.Address {
				iface.Name = former.Name
			}
		}
	}
	differs("side", next.Side, now.Side)
	differs("version", next.Version, now.Version)
	differs("state_dir", next.StateDir, now.StateDir)
	differs("run_dir", next.RunDir, now.RunDir)
	differs("routes", next.Routes, now.Routes)
	differs("interfaces", next.Interfaces, now.Interfaces)
	return needsRestart(what)
}

func needsRestart(what []string) error {
	switch len(what) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s changes with a restart alone\nhint: systemctl restart releve-vsocket", what[0])
	}
	return fmt.Errorf("%s change with a restart alone\nhint: systemctl restart releve-vsocket", strings.Join(what, ", "))
}

// unfit names what one of a pair doesn't take while it runs: HA settings that lack
// something, and of a changed file what is read at a life's start alone, and what the
// other couldn't be told of.
func (p *pair) unfit(next joined) error {
	if next.waits != "" {
		return errors.New(next.waits)
	}
	if next.file == p.file || next.cfg.HA == nil {
		return nil
	}
	var what []string
	if !reflect.DeepEqual(p.cfg.Azure, next.cfg.Azure) {
		what = append(what, "azure")
	}
	if !reflect.DeepEqual(p.cfg.Probes, next.cfg.Probes) {
		what = append(what, "probes")
	}
	if err := needsRestart(what); err != nil {
		return err
	}
	if *next.cfg.HA != *p.ha && next.cfg.HA.Generation <= p.ha.Generation {
		return fmt.Errorf("ha changes, and its generation doesn't grow beyond %d\nhint: give ha.generation the same higher number in both vSockets' files",
			p.ha.Generation)
	}
	return nil
}

// apply has the present life take the file as it is now.
func (u *unit) apply(ctx context.Context) (control.Outcome, error) {
	if u.door.get().take == nil {
		return control.Outcome{State: control.Undecided, Why: u.door.waits().Error()}, nil
	}
	if why := said(u.source.reread()); why != "" {
		return control.Outcome{State: control.Refused, Why: why}, nil
	}
	_, err := u.offer(ctx)
	if why := said(err); why != "" {
		return control.Outcome{State: control.Undecided, Why: why}, nil
	}
	return u.source.outcome(), nil
}

// outcome is what has become of the file that was read last.
func (s *source) outcome() control.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.unfit != nil:
		return control.Outcome{State: control.Refused, Why: s.unfit.Error()}
	case s.last.file == s.file && s.status.Applied == s.status.Saved:
		return control.Outcome{State: control.Applied}
	case s.last.file == s.file && s.refused != 0:
		return control.Outcome{State: control.Refused, Why: s.status.Problem}
	case s.status.Problem != "":
		return control.Outcome{State: control.Waits, Why: s.status.Problem}
	}
	return control.Outcome{State: control.Undecided, Why: "the agent is about to take it"}
}

// said is an error for who asks, "" if there is none.
func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
