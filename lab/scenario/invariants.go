package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
)

type entry = site.Entry

var fip = azuresite.FloatingIP

// invariant is a property of ha.md section 5, checked in every scenario.
type invariant struct {
	name  string
	check func(*evidence) []finding
}

var invariants = []invariant{
	{"ha.md 5.1: one gate", oneGate},
	{"ha.md 5.1: served terms never fall", termsRise},
	{"ha.md 5.2: a PoP sends the site's traffic into one tunnel", oneTunnel},
	{"ha.md 5.3: the floating IP is on the active's NIC alone", fipWithActive},
	{"ha.md 5.4: one move for each change of the active", oneMoveAChange},
	{"ha.md 5.5: nothing else of a NIC is changed (B5)", nicsUnchanged},
	{"ha.md 5.5: who isn't active writes nothing but a claim", onlyActiveWrites},
	{"ha.md 4: no write without a fresh read", freshReads},
	{"azure.md 2: Retry-After is obeyed", retryAfter},
	{"no agent ends unasked", noCrash},
}

// checkInvariants collects what the invariants find.
func checkInvariants(ev *evidence) (found []finding) {
	for _, i := range invariants {
		for _, f := range i.check(ev) {
			f.property = i.name
			found = append(found, f)
		}
	}
	return found
}

// checkAll collects what all invariants and the row find. Crash points have
// been judged one by one.
func checkAll(s *Scenario, ev *evidence) (found []finding) {
	if s.pointwise {
		return ev.broken
	}
	found = checkInvariants(ev)
	found = append(found, checkCounts(s, ev)...)
	if s.check != nil {
		found = append(found, s.check(ev)...)
	}
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(a.at, b.at) })
	return found
}

func found(at time.Duration, format string, args ...any) finding {
	return finding{at: at, detail: fmt.Sprintf(format, args...)}
}

// bothBound is R11's: with ARM as third both may be willing to forward for the
// 5 s that a read of the register counts, while Azure brings the traffic to one.
const bothBound = 5 * time.Second

// span is a time during which a vSocket's gate was open.
type span struct {
	who      string
	from, to time.Duration
	term     int
}

func oneGate(ev *evidence) (list []finding) {
	bound := ev.Lease
	if !ev.Witness {
		bound += bothBound
	}
	spans := ev.gates()
	for i, a := range spans {
		for _, b := range spans[i+1:] {
			if a.who == b.who {
				continue
			}
			if both := min(a.to, b.to) - max(a.from, b.from); both > bound {
				list = append(list, found(max(a.from, b.from), "the gates of both were open for %s", both.Round(time.Millisecond)))
			}
		}
	}
	return list
}

// gates are the openings that the journals tell, and the one that was there when
// the measurement began. One that no entry ends is
// ended by the crash or the freeze that kept the agent from writing it: its
// lease has no other renewal.
func (ev *evidence) gates() []span {
	var spans []span
	for _, who := range vsockets {
		var open *span
		if who == ev.First {
			open = &span{who: who, term: int(ev.Before)}
		}
		for _, e := range ev.of(who) {
			switch e.What {
			case report.WhatOpened:
				var term int
				_, _ = fmt.Sscanf(e.Detail, "term %d", &term)
				if open == nil {
					open = &span{who: who, from: e.At, term: term}
				}
			case report.WhatClosed, "started", "stopped", "suspended":
				if open != nil {
					open.to = max(open.from, ev.cutShort(who, open.from, ev.stoodStill(e)))
					spans = append(spans, *open)
					open = nil
				}
			}
		}
		if open != nil {
			open.to = ev.cutShort(who, open.from, ev.end())
			spans = append(spans, *open)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return spans
}

// stoodStill is when a gate was closed at the latest that an agent found closed:
// while it stood still, as on a busy machine, the kernel closed it at its deadline.
func (ev *evidence) stoodStill(e entry) time.Duration {
	if jump := report.Paused(e); jump > ev.Lease {
		return e.At - jump + ev.Lease
	}
	return e.At
}

func (ev *evidence) cutShort(who string, from, to time.Duration) time.Duration {
	for _, f := range ev.Faults {
		switch f.Kind {
		case "crash", "reboot", "kill", "freeze":
			if f.Node == who && f.At >= from {
				to = min(to, f.At+ev.Lease)
			}
		}
	}
	return to
}

func (ev *evidence) end() (end time.Duration) {
	for _, e := range ev.Entries {
		end = max(end, e.At)
	}
	return end
}

func termsRise(ev *evidence) (list []finding) {
	highest := 0
	for _, s := range ev.gates() {
		if s.term == 0 { // without HA settings there are no terms
			continue
		}
		if s.term < highest {
			list = append(list, found(s.from, "the %s served term %d after term %d was served", s.who, s.term, highest))
		}
		highest = max(highest, s.term)
	}
	return list
}

func oneTunnel(ev *evidence) (list []finding) {
	for _, d := range ev.Downstream {
		if len(d.Sides) > 1 {
			list = append(list, found(d.At, "%s has routes of the site to the tunnels of %v at once", d.PoP, d.Sides))
		}
	}
	return list
}

func fipWithActive(ev *evidence) []finding {
	if len(ev.Active) == 1 && ev.Holder == ev.Active[0] && slices.Equal(ev.ARMHolders, ev.Active) {
		return nil
	}
	return []finding{found(ev.end(), "in the end active: %v, Azure delivers the floating IP to %q, ARM shows it on the LAN NIC of %v",
		ev.Active, ev.Holder, ev.ARMHolders)}
}

// oneMoveAChange lets a floating IP that somebody misplaced by hand be moved back.
func oneMoveAChange(ev *evidence) []finding {
	changes, active := 0, site.Primary.String()
	for _, e := range ev.Entries {
		if e.What == report.WhatGranted && e.Who != active {
			active = e.Who
			changes++
		}
	}
	if _, ok := ev.faultAt("azure", "fip-wrong-nic"); ok {
		changes++
	}
	if moves := ev.Moves + ev.Failbacks; moves > changes {
		return []finding{found(ev.Zero, "%d moves for %d changes of the active", moves, changes)}
	}
	return nil
}

func nicsUnchanged(ev *evidence) (list []finding) {
	for _, who := range vsockets {
		for _, d := range ev.Differ[who] {
			list = append(list, found(ev.end(), "the %s's LAN NIC: %s", who, d))
		}
	}
	for _, d := range ev.Floating {
		list = append(list, found(ev.end(), "the floating IP's configuration: %s", d))
	}
	return list
}

func onlyActiveWrites(ev *evidence) (list []finding) {
	for _, c := range ev.Calls {
		if c.Method != "PUT" || c.Status/100 != 2 || !slices.Contains(vsockets, c.Who) {
			continue
		}
		if role := ev.mayWrite(c.Who, c.At); role != "" {
			list = append(list, found(c.At, "the %s wrote %s as %s", c.Who, report.Resource(c.Path), role))
		}
	}
	return list
}

// mayWrite is "" if the vSocket was active or claiming when it decided on the
// write that reached Azure at that time, else the role that it had then.
func (ev *evidence) mayWrite(who string, at time.Duration) string {
	role := site.Active.String() // before the first entry: as the measurement found it
	if who != site.Primary.String() {
		role = site.Standby.String()
	}
	decided := "without having said so"
	for _, e := range ev.of(who) {
		if e.At > at {
			break
		}
		if isRole(e.What) {
			role = e.What
		}
		if e.What == "arm write" {
			decided = role
		}
	}
	if mayWriteAs(decided) {
		return ""
	}
	return decided
}

func mayWriteAs(role string) bool {
	return role == site.Active.String() || role == site.Claiming.String()
}

func isRole(what string) bool {
	var role site.Role
	return role.UnmarshalText([]byte(what)) == nil
}

// freshReads: a write rests on a read that came after the last write.
func freshReads(ev *evidence) (list []finding) {
	type key struct{ who, path string }
	written := map[key]bool{}
	for _, c := range ev.Calls {
		path, _, _ := strings.Cut(strings.ToLower(c.Path), "?")
		k := key{c.Who, path}
		switch {
		case !slices.Contains(vsockets, c.Who):
		case c.Method == "GET" && c.Status == 200:
			written[k] = false
		case c.Method == "PUT" && written[k]:
			list = append(list, found(c.At, "the %s wrote %s twice without reading it in between", c.Who, report.Resource(c.Path)))
		case c.Method == "PUT":
			written[k] = true
		}
	}
	return list
}

func retryAfter(ev *evidence) (list []finding) {
	for _, v := range ev.TooEarly {
		if v.At >= ev.Zero {
			list = append(list, found(v.At, "%s %s %s came %s before it was allowed", v.Client, v.Method, report.Resource(v.Path),
				(v.Allowed-v.At).Round(time.Millisecond)))
		}
	}
	return list
}

func noCrash(ev *evidence) (list []finding) {
	for _, e := range ev.Entries {
		if what, ended := strings.CutSuffix(e.What, report.WhatEnded); ended {
			list = append(list, found(e.At, "the %s of the %s ended: %s", what, e.Who, e.Detail))
		}
	}
	return list
}
