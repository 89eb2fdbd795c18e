package scenario

import (
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// evidence is all that the checks look at. They are pure functions of it.
type evidence struct {
	*report.Facts
	Report     *report.Report
	Lease      time.Duration // of the agents in this run
	Witness    bool          // grants the terms, not ARM
	Operations []store.Operation
	TooEarly   []store.Violation
	Differ     map[string][]string // per vSocket, how its LAN NIC's body differs (B5)
	Floating   []string            // how the floating IP's own configuration differs (B5)
	ARMHolders []string            // vSockets whose LAN NIC has the floating IP in ARM
	Holder     string              // to whom Azure delivers it
	Active     []string            // vSockets that are active in the end
	Downstream []world.Downstream  // how the PoPs sent the site's traffic
	PoPs       []string            // to which the vSockets' tunnels lead in the end
	First      string              // who served when it began, "" for both or none
	Before     site.Term           // the term when it began
	After      site.Term

	problem string        // Azure's, as the taker's status told it meanwhile
	mended  time.Duration // when the play ended a fault
	cuts    []cut
	events  *report.Events // nil: the play didn't come to compare them
	setUp   *setUpTime     // nil: nobody has set the site up
	wrong   []finding      // what the play itself saw

	readdressed []readdressing // changes of the floating IP

	// Of crash points, which are judged one by one.
	points   []played
	broken   []finding
	overload uint64 // of the last point, if it proves nothing
}

// played is a crash point, and when its agents were killed.
type played struct {
	report.Point
	at time.Duration
}

// finding is a broken promise.
type finding struct {
	property string
	at       time.Duration
	detail   string
}

// of is the entries of one vSocket in order.
func (ev *evidence) of(who string) []site.Entry {
	var list []site.Entry
	for _, e := range ev.Entries {
		if e.Who == who {
			list = append(list, e)
		}
	}
	return list
}

// first is the first entry of that kind since a moment.
func (ev *evidence) first(who, what string, since time.Duration) (site.Entry, bool) {
	for _, e := range ev.Entries {
		if e.Who == who && e.What == what && e.At >= since {
			return e, true
		}
	}
	return site.Entry{}, false
}

// faultAt is when a fault began.
func (ev *evidence) faultAt(node, kind string) (time.Duration, bool) {
	for _, f := range ev.Faults {
		if f.Node == node && f.Kind == kind {
			return f.At, true
		}
	}
	return 0, false
}

// healAt is when all faults ended, 0 if they didn't.
func (ev *evidence) healAt() time.Duration {
	for _, f := range ev.Faults {
		if f.Heal {
			return f.At
		}
	}
	return 0
}

var vsockets = []string{world.Primary, world.Secondary}
