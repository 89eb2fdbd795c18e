package report

import (
	"fmt"
	"time"

	"releve.dev/releve/site"
)

// What the journals' constant texts are, as far as reports depend on them.
const (
	WhatSilent  = "peer silent"
	WhatClaim   = "claim"
	WhatGranted = "term granted"
	WhatActive  = "active"
	WhatOpened  = "gate opened"
	WhatClosed  = "gate closed"
	WhatSteered = "steering done"
	WhatHeard   = "peer heard"
	WhatMoves   = "moves" // to another PoP
	WhatFault   = "fault"
	WhatHeal    = "heal"
	WhatEnded   = " ended" // what follows the name of a program that nobody told to end

	// Azure's data plane; the detail of the second is the node.
	WhatNowhere   = "floating ip off"
	WhatDelivered = "floating ip delivered"
)

// WhatDownstream is a change at a PoP; the detail is the side whose tunnel gets
// the site's traffic.
const WhatDownstream = "downstream"

// Paused is for how long an agent stood still before this entry, by its own word.
func Paused(e site.Entry) time.Duration {
	var jump int64
	_, _ = fmt.Sscanf(e.Detail, "paused: own clock jumped %d ms", &jump) // 0 if it doesn't say so
	return time.Duration(jump) * time.Millisecond
}

// Names in the timeline of who isn't a vSocket.
const (
	Lab   = "lab"
	Azure = "azure" // its calls, as the emulator logged them
)

// Takeover is one change of the active, as its taker's journal tells it.
type Takeover struct {
	Taker    string
	Cause    string        // the lab's last act before it
	Begin    time.Duration // that act
	Verdict  time.Duration // the taker's decision to claim
	Serving  time.Duration // its gate opened
	End      time.Duration // steering done, or Serving if that wasn't seen
	Detect   time.Duration // Begin to Verdict
	Steer    time.Duration // Verdict to Serving
	Failback bool          // after the heal, or the mending of a cut
}

// takeovers finds the changes after the zero in entries sorted by time. One is
// a granted term and the first opening of the taker's gate after it; its
// verdict is the taker's last "peer silent" before the grant, or its first
// "claim" where there was no silence (a handover).
func takeovers(entries []site.Entry, f *Facts) []Takeover {
	var found []Takeover
	since := map[string]site.Entry{} // per vSocket, the verdict of the claim under way
	for i, e := range entries {
		if e.At < f.Zero {
			continue
		}
		switch e.What {
		case WhatSilent:
			since[e.Who] = e
		case WhatClaim:
			if _, ok := since[e.Who]; !ok {
				since[e.Who] = e
			}
		case WhatHeard:
			if since[e.Who].What == WhatSilent {
				delete(since, e.Who)
			}
		case WhatGranted:
			verdict, ok := since[e.Who]
			if !ok {
				verdict = e
			}
			delete(since, e.Who)
			if t, ok := follow(entries[i:], e.Who, verdict.At); ok {
				t.blame(f)
				found = append(found, t)
			}
		}
	}
	return found
}

// follow reads how the taker gets from its grant to serving.
func follow(entries []site.Entry, taker string, verdict time.Duration) (Takeover, bool) {
	t := Takeover{Taker: taker, Verdict: verdict}
	for _, e := range entries[1:] {
		switch {
		case e.What == WhatGranted && t.Serving == 0:
			return t, false // another term came before this one was served
		case e.What == WhatGranted:
			return t, true
		case e.Who != taker:
		case e.What == WhatOpened && t.Serving == 0:
			t.Serving, t.End = e.At, e.At
			t.Steer = t.Serving - t.Verdict
		case e.What == WhatSteered && t.Serving != 0:
			t.End = e.At
			return t, true
		}
	}
	return t, t.Serving != 0
}

// blame finds the act of the lab that the takeover answers.
func (t *Takeover) blame(f *Facts) {
	for _, fault := range f.Faults {
		if fault.At > t.Verdict {
			break
		}
		t.Begin, t.Cause, t.Failback = fault.At, fault.Kind, fault.Heal
		if fault.Node != "" {
			t.Cause = fault.Node + " " + fault.Kind
		}
	}
	for _, c := range f.Cuts {
		if t.Verdict >= c.Mended && t.Verdict < c.Over {
			t.Begin, t.Cause, t.Failback = c.Mended, c.Name+" mended", true
		}
	}
	if t.Begin != 0 {
		t.Detect = t.Verdict - t.Begin
	}
}
