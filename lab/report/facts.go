package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/sessions"
	"releve.dev/releve/site"
)

// Facts are what a run has gathered, on the lab's one clock.
type Facts struct {
	Zero      time.Duration // first fault, or the start if there was none
	Entries   []site.Entry  // journals of both vSockets, the lab's faults and Azure's calls
	Faults    []Fault
	Outages   map[probe.Direction][]probe.Outage
	Counts    map[probe.Direction]probe.Count
	Calls     []ARMCall
	Overload  uint64        // packets that the lab itself dropped
	Still     time.Duration // how long the lab itself or an agent stood still, if that is a silence
	Moves     int
	Failbacks int
	Cuts      []CutFacts       // where several were played
	Sessions  *sessions.Result // nil: not measured
	Events    *Events          // nil: not compared
	SetUp     *SetUp           // nil: nobody has set the site up
}

// Fault is something that the lab did to the site, or undid.
type Fault struct {
	At   time.Duration
	Heal bool
	Node string
	Kind string
}

// ARMCall is a call as the emulator logged it.
type ARMCall struct {
	At       time.Duration
	Duration time.Duration
	Who      string
	Method   string
	Path     string
	Status   int
	ETag     string
	Code     string
}

// shortOutage is the length up to which a run of lost packets is in the packet
// counts alone.
const shortOutage = 2 * time.Millisecond

// Make turns facts into a report. Violations are the scenario's to add.
func Make(scenario, profile string, f *Facts) *Report {
	r := &Report{Scenario: scenario, Profile: profile, LabOverload: f.Overload, LabStillMS: MS(f.Still), FIPMoves: f.Moves, FailbackMoves: f.Failbacks}
	at := func(t time.Duration) float64 { return MS(t - f.Zero) }
	for _, d := range []probe.Direction{probe.Up, probe.Down} {
		count := f.Counts[d]
		r.Packets.Sent += count.Sent
		r.Packets.Received += count.Received
		r.Packets.Duplicated += count.Duplicated
		for _, o := range f.Outages[d] {
			if o.Length > shortOutage {
				r.Outages = append(r.Outages, Outage{d, MS(o.Length), o.Lost, at(o.From), o.Open})
			}
		}
	}
	if s := f.Sessions; s != nil {
		r.Sessions = &Sessions{s.Total, s.Reset, MS(s.Worst)}
	}
	r.Events, r.SetUp = f.Events, f.SetUp
	slices.SortStableFunc(r.Outages, func(a, b Outage) int { return cmp.Compare(a.AtMS, b.AtMS) })
	entries := slices.Clone(f.Entries)
	for _, c := range f.Calls {
		entries = append(entries, site.Entry{At: c.At, Who: Azure, What: fmt.Sprintf("%s %d", c.Method, c.Status),
			Detail: strings.TrimSpace(c.Who + " " + Resource(c.Path) + " " + c.Code)})
		r.ARMCalls = append(r.ARMCalls, Call{c.Who, c.Method, c.Path, c.Status, MS(c.Duration), c.ETag, at(c.At), c.Code})
	}
	slices.SortStableFunc(entries, func(a, b site.Entry) int { return cmp.Compare(a.At, b.At) })
	for _, e := range entries {
		r.Timeline = append(r.Timeline, Event{at(e.At), e.Who, e.What, e.Detail})
	}
	r.cuts(f)
	r.Takeovers = takeovers(entries, f)
	for i := range r.Takeovers {
		if !r.Takeovers[i].Failback { // a failback detects nothing, it waits for its hold time
			r.DetectMS = worse(r.DetectMS, r.Takeovers[i].Detect)
		}
		r.SteerMS = worse(r.SteerMS, r.Takeovers[i].Steer)
	}
	return r
}

func worse(sofar *float64, d time.Duration) *float64 {
	ms := MS(d)
	if sofar != nil && *sofar >= ms {
		return sofar
	}
	return &ms
}
