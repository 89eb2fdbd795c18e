package sim

import (
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// checker is one property. It is told what has changed, and looks at that.
type checker interface {
	serves(n *node, until time.Duration)                 // an agent sets its gate's deadline
	said(n *node, what string)                           // a line of an agent's journal
	calls(n *node, request *steer.Request)               // an agent asks ARM something
	writes(by *node, side site.Side, before, after *nic) // ARM has accepted a write to a side's NIC; by is nil for a person
	delivers(was, now site.Side)                         // the data plane brings the floating IP elsewhere
	ended()                                              // the healing is over
}

// indifferent is the part of a checker that doesn't care.
type indifferent struct{}

func (indifferent) serves(*node, time.Duration)         {}
func (indifferent) said(*node, string)                  {}
func (indifferent) calls(*node, *steer.Request)         {}
func (indifferent) writes(*node, site.Side, *nic, *nic) {}
func (indifferent) delivers(site.Side, site.Side)       {}
func (indifferent) ended()                              {}

func checkers(w *World) []checker {
	return []checker{&w.gates, newHolderCheck(w), &untouchedCheck{w: w}, &writerCheck{w: w}, &w.promises,
		&movesCheck{w: w}, newOutageCheck(w), newReadCheck(w), &deposedCheck{w: w}, &w.manners, &w.leases, &w.serving, &w.witnessed, &w.readdressed, w.alone, &restCheck{w: w}}
}

// register is the claim on the primary's NIC.
func (w *World) register() site.Claim { return w.azure.nics[site.Primary].claim }

// finish asks the checkers for their last word.
func (w *World) finish() {
	w.settleOutage()
	w.stats.Outage = max(w.out.worst(anyTime).lasted, w.out.lasts(w.now))
	if w.violation != nil {
		return
	}
	for _, c := range w.checks {
		c.ended()
	}
}
