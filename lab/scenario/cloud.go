package scenario

import (
	"context"
	"slices"
	"time"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/sessions"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// quickHold is the hold before a failback in plays with several: each takeover
// of the last minutes doubles it (R13).
const quickHold = 2 * time.Second

// playSessions goes once there and back with 200 TCP connections (B11), and
// with the other site.
func playSessions(s *stage) error {
	return steps(
		func() error { return s.w.OpenSessions(sessions.Usual) },
		func() error {
			return s.await("each TCP session carries something", func(context.Context) bool { return s.w.Sessions().Running() })
		},
		func() error { s.w.Sessions().Begin(); return nil },
		func() error { return s.pause(calm) },
		func() error { return s.fault(world.Primary, "crash") },
		func() error { return s.rest(world.Secondary) },
		s.crosses,
		func() error { return s.pause(calm) },
		s.heal,
		func() error { return s.ready(world.Primary) },
		s.crosses,
		func() error { return s.pause(calm) },
	)
}

func checkSessions(ev *evidence) []finding {
	r := ev.Sessions
	switch {
	case r == nil || r.Total != sessions.Usual.Downloads+sessions.Usual.Echoes:
		return fail(ev.Zero, "%d TCP sessions were to be measured", sessions.Usual.Downloads+sessions.Usual.Echoes)
	case r.Reset > 0:
		return fail(ev.Zero, "%d of %d TCP sessions were lost: %v", r.Reset, r.Total, r.Why)
	}
	return nil
}

func playTunnelCut(s *stage) error {
	return steps(
		func() error { return playUnfit("tunnel-cut")(s) },
		s.back,
	)
}

// back heals, and waits until all is as in the beginning.
func (s *stage) back() error {
	return steps(
		s.heal,
		func() error { return s.ready(world.Primary) },
		s.crosses,
		func() error { return s.pause(calm) },
	)
}

// popAway is how long the PoP is gone.
const popAway = 10 * time.Second

// playPoPCrash: nobody can serve by a PoP that is gone, and nobody takes over
// for nothing, whoever reaches it first when it is back (decision 7).
func playPoPCrash(s *stage) error {
	return steps(
		func() error { return s.fault(world.PoP1, "crash") },
		func() error { return s.pause(popAway) },
		s.back,
	)
}

func playPoPRestart(s *stage) error {
	return steps(
		func() error { return s.fault(world.PoP1, "restart") },
		s.crosses,
		s.back,
	)
}

// playPoPMove: the site goes on by the second PoP, and stays there when the first
// is back.
func playPoPMove(s *stage) error {
	return steps(
		func() error { return s.fault(world.PoP1, "crash") },
		func() error { return s.by(world.PoP2) },
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
		s.heal,
		func() error { return s.pause(popAway) },
		func() error { return s.ready(world.Primary) },
	)
}

// by waits until the tunnels of both vSockets lead to a PoP.
func (s *stage) by(pop string) error {
	for _, node := range vsockets {
		if err := s.sees(node, "a tunnel to "+pop, func(status *site.Status) bool {
			return status.Tunnel != nil && status.Tunnel.PoP == pop
		}); err != nil {
			return err
		}
	}
	return nil
}

// longestMove is a generous bound of the outage: it takes a second and a half on
// a quiet machine.
const longestMove = 15 * time.Second

// checkDuel: no more terms than moves.
func checkDuel(ev *evidence) []finding {
	if terms, moves := int(ev.After-ev.Before), ev.Moves+ev.Failbacks; terms > moves {
		return fail(ev.Zero, "%d terms for %d moves: a duel", terms, moves)
	}
	return nil
}

// checkPoPMove: one change of PoP by each, for as long as the other one works, and
// a term that is the new witness's, granted once.
func checkPoPMove(ev *evidence) (list []finding) {
	if !slices.Equal(ev.PoPs, []string{world.PoP2, world.PoP2}) {
		list = append(list, fail(ev.end(), "the tunnels lead to %v in the end, want %s", ev.PoPs, world.PoP2)...)
	}
	if ev.After <= ev.Before {
		list = append(list, fail(ev.Zero, "term %d after the move, want more than %d", ev.After, ev.Before)...)
	}
	for _, who := range vsockets {
		moves := 0
		for _, e := range ev.of(who) {
			if e.What == report.WhatMoves {
				moves++
			}
		}
		if moves != 1 {
			list = append(list, fail(ev.Zero, "the %s moved %d times, want once", who, moves)...)
		}
	}
	if grants := ev.grants(); grants > 1 {
		list = append(list, fail(ev.Zero, "%d terms were granted, want one: a duel", grants)...)
	}
	return append(list, checkOutagesOfMove(ev)...)
}

// grants are the terms that vSockets were granted.
func (ev *evidence) grants() (n int) {
	for _, e := range ev.Entries {
		if e.What == report.WhatGranted && slices.Contains(vsockets, e.Who) {
			n++
		}
	}
	return n
}

// checkOutagesOfMove: one in each direction, when the PoP goes.
func checkOutagesOfMove(ev *evidence) (list []finding) {
	for direction, outages := range ev.Outages {
		for _, o := range outages {
			switch {
			case o.Length > longestMove:
				list = append(list, fail(o.From, "%s: an outage of %s, want at most %s", direction, o.Length.Round(time.Millisecond), longestMove)...)
			case o.From >= ev.healAt():
				list = append(list, fail(o.From, "%s: an outage of %s after the first PoP came back", direction, o.Length.Round(time.Millisecond))...)
			}
		}
	}
	return list
}

func playPoPCutFromOne(s *stage) error {
	return steps(
		func() error { return s.cut(world.Secondary, "pop-cut", none, s.idle) },
		func() error { return s.cut(world.Primary, "pop-cut", one, s.moved) },
	)
}

func playOneWayCut(s *stage) error {
	for _, kind := range []string{"lan-cut-in", "lan-cut-out", "wan-cut-in", "wan-cut-out"} {
		if err := s.cut(world.Primary, kind, one, s.moved); err != nil {
			return err
		}
	}
	return nil
}

// playLANDead: first the two hear each other by the witness alone, and nothing
// must move; then the primary's LAN is dead, and its word to hand over has no
// other way than the witness.
func playLANDead(s *stage) error {
	return steps(
		func() error { return s.fault(world.Primary, "peer-cut") },
		func() error { return s.sees(world.Primary, "HA Not ready", notReady("Keepalive")) },
		func() error { return s.sees(world.Secondary, "HA Not ready", notReady("Keepalive")) },
		s.idle,
		func() error { return s.rest(world.Primary) },
		func() error { return playUnfit("lan-cut")(s) },
		s.back,
	)
}

// checkLANDead: nobody claims, and nothing is lost, while both live and are fit.
func checkLANDead(ev *evidence) []finding {
	dead, ok := ev.faultAt(world.Primary, "lan-cut")
	if !ok {
		return fail(ev.Zero, "the primary's LAN was not cut")
	}
	for _, who := range vsockets {
		if claim, ok := ev.first(who, "claim", ev.Zero); ok && claim.At < dead {
			return fail(claim.At, "the %s claimed although the witness knows that its peer lives", who)
		}
	}
	for _, outages := range ev.Outages {
		for _, o := range outages {
			if o.To <= dead || o.From < dead-carried {
				return fail(o.From, "an outage of %s while nothing but keepalives was cut", o.Length.Round(time.Millisecond))
			}
		}
	}
	return nil
}

// playWitnessLate: answers that are late renew nothing, and a grant that is
// late serves nothing.
func playWitnessLate(s *stage) error {
	const late = "witness-late"
	return steps(
		func() error { return s.cut(world.Primary, late, atMostOne, s.idle) },
		func() error {
			crash := func() error {
				return steps(
					func() error { return s.fault(world.Secondary, late) },
					func() error { return s.fault(world.Primary, "crash") },
					s.idle,
					func() error { return s.mend(world.Secondary, late) },
					func() error { return s.rest(world.Secondary) },
				)
			}
			return s.cutBy("secondary witness-late, primary crash", one, crash, s.heal)
		},
		func() error { return s.pause(calm) },
	)
}

// idle lets time pass in which nothing, or little, should happen.
func (s *stage) idle() error { return s.pause(5 * time.Second) }

// moved waits until the secondary serves.
func (s *stage) moved() error {
	return steps(func() error { return s.rest(world.Secondary) }, func() error { return s.pause(calm) })
}
