package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/world"
)

// row is the property name of what the scenario's own row promises.
const row = "the scenario's row"

func fail(at time.Duration, format string, args ...any) []finding {
	return []finding{{row, at, fmt.Sprintf(format, args...)}}
}

// checkCounts compares what is counted with the row.
func checkCounts(s *Scenario, ev *evidence) (found []finding) {
	r := ev.Report
	if !s.Expect.Moves.has(r.FIPMoves) {
		found = append(found, fail(ev.Zero, "%d floating IP moves, want %s", r.FIPMoves, s.Expect.Moves)...)
	}
	if !s.Expect.Failbacks.has(r.FailbackMoves) {
		found = append(found, fail(ev.Zero, "%d moves after the heal, want %s", r.FailbackMoves, s.Expect.Failbacks)...)
	}
	p := r.Packets
	if s.Expect.Lossless && p.Received != p.Sent {
		found = append(found, fail(ev.Zero, "%d packets lost, want none", p.Sent-p.Received)...)
	}
	if s.Expect.NoCopies && p.Duplicated != 0 {
		found = append(found, fail(ev.Zero, "%d packets arrived twice, want none", p.Duplicated)...)
	}
	return found
}

func checkStop(ev *evidence) []finding {
	granted, ok := ev.first(world.Secondary, report.WhatGranted, ev.Zero)
	if !ok {
		return fail(ev.Zero, "the secondary was granted no term")
	}
	if silent, ok := ev.first(world.Secondary, report.WhatSilent, ev.Zero); ok && silent.At < granted.At {
		return fail(silent.At, "the standby claimed after a silence, not on the peer's word")
	}
	return nil
}

// checkFreeze: the resumed one is suspended at its first tick, and serves
// nothing until a new term is its own.
func checkFreeze(ev *evidence) []finding {
	resumed := ev.healAt()
	suspended := slices.IndexFunc(ev.of(world.Primary), func(e entry) bool {
		return e.At >= resumed && (e.What == "suspended" || e.What == "standby" || e.What == "deposed")
	})
	if suspended < 0 {
		return fail(resumed, "the resumed primary was never suspended")
	}
	granted, ok := ev.first(world.Primary, report.WhatGranted, resumed)
	if opened, open := ev.first(world.Primary, report.WhatOpened, resumed); open && (!ok || opened.At < granted.At) {
		return fail(opened.At, "the resumed primary opened its gate without a new term")
	}
	return nil
}

// checkUnfit: the primary said why it can't serve, and the secondary took over
// on its word alone. Where a tunnel goes by a path that is dead, the witness may be
// missed first.
func checkUnfit(ev *evidence) []finding {
	unfit, ok := ev.first(world.Primary, "not fit", ev.Zero)
	if lost, missed := ev.first(world.Primary, "witness lost", ev.Zero); missed && (!ok || lost.At < unfit.At) {
		unfit, ok = lost, true
	}
	if !ok || unfit.Detail == "" {
		return fail(ev.Zero, "the primary did not say why it can't serve")
	}
	for _, what := range []string{report.WhatClaim, report.WhatGranted} { // a witness may grant what nobody claims (R8)
		if e, ok := ev.first(world.Secondary, what, ev.Zero); ok && e.At < unfit.At || !ok && what == report.WhatGranted {
			return fail(ev.Zero, "no handover: the secondary's %s did not follow the primary's word", what)
		}
	}
	return nil
}

func checkKeepaliveCut(ev *evidence) []finding {
	for _, who := range vsockets {
		if claim, ok := ev.first(who, report.WhatClaim, ev.Zero); ok {
			return fail(claim.At, "the %s claimed although the MGMT path carries keepalives", who)
		}
	}
	return nil
}

// checkSlow: nothing gives up on a slow Azure (B4).
func checkSlow(ev *evidence) []finding {
	for _, e := range ev.Entries {
		if e.At >= ev.Zero && e.What == "arm problem" {
			return fail(e.At, "the %s gave up on a slow Azure: %s", e.Who, e.Detail)
		}
	}
	return nil
}

// backSoon is how soon after ARM is back the first write must come.
const backSoon = 2 * time.Second

func checkAzureDown(ev *evidence) []finding {
	if ev.problem == "" {
		return fail(ev.mended, "the secondary's status did not say why it can't take over")
	}
	for _, c := range ev.Calls {
		if c.At >= ev.mended && c.Method == "PUT" && c.Status/100 == 2 {
			if late := c.At - ev.mended; late > backSoon {
				return fail(c.At, "first write %s after ARM was back, want at most %s", late.Round(time.Millisecond), backSoon)
			}
			return nil
		}
	}
	return fail(ev.mended, "no write after ARM was back")
}

func checkThrottled(ev *evidence) []finding {
	if !slices.ContainsFunc(ev.Calls, func(c report.ARMCall) bool { return c.Status == 429 }) {
		return fail(ev.Zero, "no call was throttled: the scenario proves nothing")
	}
	return nil // every call before its Retry-After is a violation in every scenario
}

func checkDenied(ev *evidence) []finding {
	if !names(ev.problem) {
		return fail(ev.Zero, "the status names no action and scope: %q", ev.problem)
	}
	for _, e := range ev.of(world.Secondary) {
		if e.At >= ev.Zero && strings.HasPrefix(e.What, "arm ") && names(e.Detail) {
			return nil
		}
	}
	return fail(ev.Zero, "the secondary's journal names no action and scope")
}

func checkHalfMove(ev *evidence) []finding {
	if len(ev.ARMHolders) != 1 {
		return fail(ev.Zero, "the floating IP is on %d LAN NICs in ARM, want one", len(ev.ARMHolders))
	}
	return nil
}

// checkMendedOnce: noticed, an event, and one write that brings it back (B6).
func checkMendedOnce(ev *evidence) []finding {
	noticed := slices.ContainsFunc(ev.of(world.Primary), func(e entry) bool {
		return e.At >= ev.Zero && strings.HasPrefix(e.What, "floating ip ")
	})
	if !noticed {
		return fail(ev.Zero, "the active wrote no event about the floating IP")
	}
	mends := 0
	for _, op := range ev.Operations {
		if op.Accepted >= ev.Zero && world.Caller(op.Client) == world.Primary && slices.Contains(op.Added, fip) && op.Status == "Succeeded" {
			mends++
		}
	}
	if mends != 1 {
		return fail(ev.Zero, "the floating IP was put back %d times, want once", mends)
	}
	return nil
}

func checkBothReboot(ev *evidence) []finding {
	if ev.After <= ev.Before {
		return fail(ev.Zero, "term %d after both rebooted, want more than %d", ev.After, ev.Before)
	}
	return onlyPrimary(ev)
}

func checkSplitBrain(ev *evidence) []finding { return onlyPrimary(ev) }

func onlyPrimary(ev *evidence) []finding {
	if !slices.Equal(ev.Active, []string{world.Primary}) || ev.Holder != world.Primary {
		return fail(ev.Zero, "active in the end: %v, floating IP on %q; want the primary alone", ev.Active, ev.Holder)
	}
	return nil
}
