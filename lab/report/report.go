// Package report is what a run of the lab says in the end: one JSON object for
// programs, a page for people. Both are made of the same facts and hide none.
package report

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"time"

	"releve.dev/releve/lab/probe"
)

// Report is the answer of `releve lab run --json`. Times are milliseconds; the
// zero of at_ms is the injection of the first fault.
type Report struct {
	Scenario      string      `json:"scenario"`
	Profile       string      `json:"profile"` // ARM's latencies
	OK            bool        `json:"ok"`
	Violations    []Violation `json:"violations"`
	Outages       []Outage    `json:"outages"` // longer than 2 ms, in order
	Packets       Packets     `json:"packets"` // both directions
	DetectMS      *float64    `json:"detect_ms"`
	SteerMS       *float64    `json:"steer_ms"`
	FIPMoves      int         `json:"fip_moves"`      // up to the heal; with cuts, the most of any
	FailbackMoves int         `json:"failback_moves"` // after it; with cuts, the most of any
	Cuts          []Cut       `json:"cuts,omitempty"` // where several were played, each counted by itself
	Timeline      []Event     `json:"timeline"`
	ARMCalls      []Call      `json:"arm_calls"`
	Sessions      *Sessions   `json:"sessions,omitempty"` // where they were measured
	Events        *Events     `json:"events,omitempty"`   // where they were compared
	SetUp         *SetUp      `json:"set_up,omitempty"`   // where somebody has set the site up
	Points        []Point     `json:"points,omitempty"`   // of crash-points

	// LabOverload counts packets that the lab itself dropped. Such a run proves
	// nothing, neither way.
	LabOverload uint64 `json:"lab_overload,omitempty"`
	// LabStillMS is for how long the lab itself or an agent stood still at a time, if that
	// was long enough for a vSocket to be held for silent. Then nothing is proven
	// by what came too late or too often; what must never happen still must not.
	LabStillMS float64 `json:"lab_still_ms,omitempty"`

	Takeovers []Takeover `json:"-"`
}

// Violation is a broken promise.
type Violation struct {
	Property string  `json:"property"`
	AtMS     float64 `json:"at_ms"`
	Detail   string  `json:"detail"`
	Timing   bool    `json:"-"` // time or a count of what time decides: not proven by a lab that stood still
}

// Point is a crash point: agents killed before a step of one of them.
type Point struct {
	ID         string   `json:"id"`
	Killed     []string `json:"killed"`
	Met        bool     `json:"met"`       // the step came
	AtMS       float64  `json:"at_ms"`     // the kill
	AwayMS     float64  `json:"away_ms"`   // from the kill to the start
	OutageMS   float64  `json:"outage_ms"` // the longest from before the fault to the rest
	HealedMS   float64  `json:"healed_ms"` // from the kill until the primary serves and all is at rest
	Violations int      `json:"violations"`
}

// Outage is a run of lost packets in one direction.
type Outage struct {
	Direction   probe.Direction `json:"direction"`
	MS          float64         `json:"ms"`
	PacketsLost int             `json:"packets_lost"`
	AtMS        float64         `json:"-"`
	Open        bool            `json:"-"` // it lasted to the end
}

// Packets sums up both directions.
type Packets struct {
	Sent       int `json:"sent"`
	Received   int `json:"received"`
	Duplicated int `json:"duplicated"`
}

// Sessions sums up what became of the TCP connections.
type Sessions struct {
	Total        int     `json:"total"`
	Reset        int     `json:"reset"`          // ended, or not intact
	WorstStallMS float64 `json:"worst_stall_ms"` // of the others
}

// Events sums up what became of the events that vSockets made while there was no
// manager.
type Events struct {
	Total    int      `json:"total"`   // that the manager keeps in the end, of vSockets
	Spooled  int      `json:"spooled"` // that were on a vSocket's disk while it was down
	Kinds    []string `json:"kinds"`   // of those
	Lost     int      `json:"lost"`    // of those, never reached it
	Twice    int      `json:"twice"`   // reached it more than once
	CatchUpS float64  `json:"catch_up_s"`
}

// SetUp sums up where the time of the commands that set a site up has gone. No moment
// counts twice.
type SetUp struct {
	TookMS   float64 `json:"took_ms"`
	GuestsMS float64 `json:"guests_ms"` // of it: VMs ended, booted, ran scripts, and their vSockets came to work
	AzureMS  float64 `json:"azure_ms"`  // of the rest: Azure answered, or had an operation under way
	OwnMS    float64 `json:"own_ms"`    // what is left
}

// Event is a line of the timeline.
type Event struct {
	AtMS   float64 `json:"at_ms"`
	Who    string  `json:"who"`
	What   string  `json:"what"`
	Detail string  `json:"detail"`
}

// Call is a call to Azure Resource Manager.
type Call struct {
	Who    string  `json:"who"`
	Method string  `json:"method"`
	Path   string  `json:"path"`
	Status int     `json:"status"`
	MS     float64 `json:"ms"`
	ETag   string  `json:"etag"`
	AtMS   float64 `json:"-"`
	Code   string  `json:"-"`
}

// Exit statuses of a run.
const (
	ExitOK       = 0
	ExitViolated = 1
	ExitOverload = 3
)

// Exit is the exit status that the report stands for.
func (r *Report) Exit() int {
	switch {
	case r.Overloaded():
		return ExitOverload
	case !r.OK:
		return ExitViolated
	}
	return ExitOK
}

// Overloaded: the run proves nothing, neither way.
func (r *Report) Overloaded() bool {
	certain := slices.ContainsFunc(r.Violations, func(v Violation) bool { return !v.Timing })
	return r.LabOverload > 0 || r.LabStillMS > 0 && len(r.Violations) > 0 && !certain
}

// Worst is the longest outage in milliseconds, 0 without one.
func (r *Report) Worst() float64 {
	worst := 0.0
	for _, o := range r.Outages {
		worst = max(worst, o.MS)
	}
	return worst
}

// WriteJSON writes the object, lists empty rather than null.
func (r *Report) WriteJSON(w io.Writer) error {
	full := *r
	full.Violations = append([]Violation{}, r.Violations...)
	full.Outages = append([]Outage{}, r.Outages...)
	full.Timeline = append([]Event{}, r.Timeline...)
	full.ARMCalls = append([]Call{}, r.ARMCalls...)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(&full)
}

// MS is a duration in the report's unit, to the microsecond.
func MS(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
