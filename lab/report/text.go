package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"releve.dev/releve/lab/term"
)

// WriteText writes the report for people, 80 columns wide: the timeline of each
// takeover, what was lost, every ARM call, and the verdict.
func (r *Report) WriteText(w io.Writer, style term.Style) {
	p := &page{w: w, style: style}
	if r.Points != nil {
		p.points(r)
		p.verdict(r)
		return
	}
	p.setUp(r.SetUp)
	p.timeline(r)
	p.losses(r)
	p.cuts(r)
	p.calls(r)
	p.verdict(r)
}

type page struct {
	w     io.Writer
	style term.Style
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (p *page) heading(text, aside string) {
	p.line("\n%s%s", p.style.Bold(text), p.style.Dim(aside))
}

func (p *page) setUp(s *SetUp) {
	if s == nil {
		return
	}
	p.heading("The set-up", "  commands of releve azure, all together")
	p.line("  took %.1f s: %.1f s the guests, %.1f s Azure, %.1f s of its own", s.TookMS/1000, s.GuestsMS/1000, s.AzureMS/1000, s.OwnMS/1000)
}

// timeline leaves out reads that went well: they are among the ARM calls.
func (p *page) timeline(r *Report) {
	p.heading("Timeline", "  ms after the first fault")
	for _, e := range r.Timeline {
		if e.Who == Azure && strings.HasPrefix(e.What, "GET 2") {
			continue
		}
		if e.Who == Lab {
			p.line("")
		}
		what := fmt.Sprintf("%s  %s", term.Pad(e.Who, 9), term.Pad(e.What, 22))
		p.line("%s  %s  %s", p.style.Dim(stamp(e.AtMS)), p.paint(e, what), term.Cut(e.Detail, 33))
	}
	for _, t := range r.Takeovers {
		p.line("\n  %s", t.sentence(p.style))
	}
}

func (p *page) paint(e Event, text string) string {
	switch {
	case e.Who == Lab && e.What == WhatFault, e.What == "arm refused", e.What == "arm problem":
		return p.style.Bad(text)
	case e.Who == Lab:
		return p.style.Note(text)
	case e.What == WhatOpened, e.What == WhatActive, e.What == WhatSteered:
		return p.style.Good(text)
	case e.What == WhatSilent, e.What == WhatClaim, e.What == "suspended", e.What == WhatClosed:
		return p.style.Busy(text)
	}
	return text
}

func (t *Takeover) sentence(s term.Style) string {
	kind := "takeover"
	if t.Failback {
		kind = "failback"
	}
	return fmt.Sprintf("%s by the %s (%s):\n  decided in %s ms, serving %s ms later",
		s.Bold(kind), t.Taker, t.Cause, s.Bold(whole(t.Detect)), s.Bold(whole(t.Steer)))
}

func (p *page) losses(r *Report) {
	p.heading("What was lost", "")
	for _, o := range r.Outages {
		end := ""
		if o.Open {
			end = ", to the end"
		}
		p.line("%s  %s  %s  %s", p.style.Dim(stamp(o.AtMS)), term.Pad(string(o.Direction), 12),
			p.style.Bad(fmt.Sprintf("%9.1f ms", o.MS)), p.style.Dim(fmt.Sprintf("%d packets%s", o.PacketsLost, end)))
	}
	if len(r.Outages) == 0 {
		p.line("  %s", p.style.Good("no outage longer than 2 ms"))
	}
	c := r.Packets
	p.line("  %d packets sent both ways, %d received, %d lost, %d received twice", c.Sent, c.Received, c.Sent-c.Received, c.Duplicated)
	if s := r.Sessions; s != nil {
		paint := p.style.Good
		if s.Reset > 0 {
			paint = p.style.Bad
		}
		p.line("  %d TCP sessions, %s, longest stall %.0f ms", s.Total, paint(fmt.Sprintf("%d reset", s.Reset)), s.WorstStallMS)
	}
	if r.Events != nil {
		p.events(r.Events)
	}
}

// events says what the manager has of what happened without it.
func (p *page) events(e *Events) {
	paint := p.style.Good
	if e.Lost > 0 || e.Twice > 0 {
		paint = p.style.Bad
	}
	p.line("  %d events waited on the vSockets' disks, %s, caught up in %.1f s", e.Spooled,
		paint(fmt.Sprintf("%d lost, %d twice", e.Lost, e.Twice)), e.CatchUpS)
}

// calls shows every call; reads that repeat what the one before has read are
// one line with their number.
func (p *page) calls(r *Report) {
	p.heading("ARM calls", fmt.Sprintf("  %d, to profile %s", len(r.ARMCalls), r.Profile))
	for i := 0; i < len(r.ARMCalls); {
		c := r.ARMCalls[i]
		from := i
		for i++; i < len(r.ARMCalls) && c.like(r.ARMCalls[i]); i++ {
		}
		p.call(c)
		if more := i - from - 1; more > 0 {
			p.line("%s", p.style.Dim(fmt.Sprintf("%10s  … and %d more like it, to %s ms", "", more, strings.TrimSpace(stamp(r.ARMCalls[i-1].AtMS)))))
		}
	}
}

// like reports whether another call is the same read with the same answer.
func (c Call) like(d Call) bool {
	return c.Method == "GET" && c.Who == d.Who && c.Method == d.Method && c.Path == d.Path && c.Status == d.Status
}

func (p *page) call(c Call) {
	status := fmt.Sprintf("%3d", c.Status)
	switch {
	case c.Status == 0:
		status = p.style.Bad("---")
	case c.Status >= 400:
		status = p.style.Bad(status)
	}
	p.line("%s  %s %s %s  %s %s", p.style.Dim(stamp(c.AtMS)), term.Pad(c.Who, 9), term.Pad(c.Method, 4),
		term.Pad(Resource(c.Path), 36), status, p.style.Dim(fmt.Sprintf("%8.1f ms", c.MS)))
	if c.Code != "" {
		p.line("%10s  %s", "", p.style.Bad(c.Code))
	}
}

// shortKinds are names that people use for resource types.
var shortKinds = map[string]string{"networkinterfaces": "nic", "virtualmachines": "vm", "routetables": "route table"}

// Resource is the telling end of an ARM path.
func Resource(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if n := len(parts); n >= 2 && shortKinds[strings.ToLower(parts[n-2])] != "" {
		return shortKinds[strings.ToLower(parts[n-2])] + " " + parts[n-1]
	}
	if len(parts) > 2 {
		parts = parts[len(parts)-2:]
	}
	return strings.Join(parts, "/")
}

func (p *page) verdict(r *Report) {
	p.line("")
	for _, v := range r.Violations {
		p.line("%s  %s", p.style.Bad("violated: "+v.Property), v.Detail)
		p.line("%s", p.style.Dim("          at "+strings.TrimSpace(stamp(v.AtMS))+" ms"))
	}
	moves := fmt.Sprintf("%d floating IP %s, %d at failback", r.FIPMoves, plural(r.FIPMoves, "move", "moves"), r.FailbackMoves)
	if r.Cuts != nil {
		moves = fmt.Sprintf("%d cuts", len(r.Cuts))
	}
	if r.Points != nil {
		moves = fmt.Sprintf("%d crash %s", len(r.Points), plural(len(r.Points), "point", "points"))
	}
	switch {
	case r.Overloaded() && r.LabOverload == 0:
		p.line("%s  the lab, or an agent, stood still for %.0f ms: this run proves nothing\nhint: run it again with less load on the machine",
			p.style.Busy("lab overload"), r.LabStillMS)
	case r.LabOverload > 0:
		p.line("%s  the lab itself dropped %d packets: this run proves nothing\nhint: run it again with less load on the machine",
			p.style.Busy("lab overload"), r.LabOverload)
	case r.OK:
		p.line("%s  scenario %s (%s): %s; every promise held", p.style.Good("ok"), r.Scenario, r.Profile, moves)
	default:
		p.line("%s  scenario %s (%s): %s; %d %s", p.style.Bad("FAILED"), r.Scenario, r.Profile, moves,
			len(r.Violations), plural(len(r.Violations), "violation", "violations"))
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func stamp(ms float64) string { return fmt.Sprintf("%+10.1f", ms) }

func whole(d time.Duration) string { return fmt.Sprint(d.Round(time.Millisecond).Milliseconds()) }
