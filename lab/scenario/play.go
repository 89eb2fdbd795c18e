package scenario

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// calm is how long a site is watched once it is at rest: what should stay, stays.
const calm = 2 * time.Second

func playCrash(s *stage) error {
	return steps(
		func() error { return s.fault(world.Primary, "crash") },
		func() error { return s.rest(world.Secondary) },
		func() error { return s.pause(calm) },
	)
}

func playFailback(s *stage) error {
	return steps(
		func() error { return playCrash(s) },
		s.heal,
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playStory(s *stage) error {
	return steps(func() error { return s.pause(3 * time.Second) }, func() error { return playFailback(s) })
}

func playStop(s *stage) error {
	return steps(
		func() error { return s.fault(world.Primary, "stop") },
		func() error { return s.rest(world.Secondary) },
		func() error { return s.pause(calm) },
	)
}

func playFreeze(s *stage) error {
	began := clock.Now()
	return steps(
		func() error { return s.fault(world.Primary, "freeze") },
		func() error { return s.rest(world.Secondary) },
		func() error { return s.until(began, 10*time.Second) },
		s.heal,
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playUnfit(kind string) func(*stage) error {
	return func(s *stage) error {
		return steps(
			func() error { return s.fault(world.Primary, kind) },
			func() error { return s.rest(world.Secondary) },
			func() error { return s.pause(calm) },
		)
	}
}

func playKeepaliveCut(s *stage) error {
	return steps(
		func() error { return s.fault(world.Primary, "keepalive-cut") },
		func() error { return s.sees(world.Primary, "HA Not ready", notReady("Keepalive")) },
		func() error { return s.sees(world.Secondary, "HA Not ready", notReady("Keepalive")) },
		func() error { return s.pause(5 * time.Second) },
		func() error { return s.sees(world.Primary, "HA Not ready", notReady("Keepalive")) },
		func() error { return s.rest(world.Primary) },
	)
}

// notReady holds while an indicator isn't OK and says why (F1).
func notReady(indicator string) func(*site.Status) bool {
	return func(status *site.Status) bool {
		for _, i := range status.HA.Indicators {
			if i.Name == indicator {
				return !status.HA.Ready && !i.OK && i.Reason != ""
			}
		}
		return false
	}
}

func playPeerCut(s *stage) error {
	began := clock.Now()
	return steps(
		func() error { return s.fault(world.Primary, "peer-cut") },
		func() error { return s.until(began, time.Minute) },
		s.heal,
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playAzureDown(s *stage) error {
	began := clock.Now()
	return steps(
		func() error { return s.fault(world.Azure, "silent") },
		func() error { return s.pause(2 * time.Second) },
		func() error { return s.fault(world.Primary, "crash") },
		func() error {
			return s.sees(world.Secondary, "why it can't take over", func(status *site.Status) bool {
				s.ev.problem = status.Azure.Problem
				return !status.Azure.OK && status.Azure.Problem != ""
			})
		},
		func() error { return s.until(began, time.Minute) },
		func() error { return s.mend(world.Azure, "silent") },
		func() error { return s.rest(world.Secondary) },
	)
}

// mend ends a fault as a part of the scenario, and remembers when.
func (s *stage) mend(node, kind string) error {
	s.ev.mended = clock.Now()
	return s.w.Mend(node, kind)
}

func playAzureThrottled(s *stage) error {
	return steps(
		func() error { return s.fault(world.Azure, "throttled") },
		func() error { return s.fault(world.Primary, "crash") },
		func() error { return s.pause(12 * time.Second) },
		func() error { return s.mend(world.Azure, "throttled") },
		func() error { return s.rest(world.Secondary) },
	)
}

func playAzureDenied(s *stage) error {
	began := clock.Now()
	return steps(
		func() error { return s.fault(world.Azure, "denied") },
		func() error { return s.fault(world.Primary, "crash") },
		func() error {
			return s.sees(world.Secondary, "the missing action and its scope", func(status *site.Status) bool {
				s.ev.problem = status.Azure.Problem
				return names(status.Azure.Problem)
			})
		},
		func() error { return s.until(began, 30*time.Second) },
		func() error { return s.mend(world.Azure, "denied") },
		func() error { return s.rest(world.Secondary) },
	)
}

// names reports whether a text names an action and the resource it lacks on.
func names(text string) bool {
	return strings.Contains(text, "Microsoft.Network/") && strings.Contains(strings.ToLower(text), "/subscriptions/")
}

// restart is how long a killed agent is away, as a service manager would have it.
const restart = 5 * time.Second

// playHalfMove kills the secondary's agent when its first write has taken
// effect and the answer hasn't left, and after its restart once more when the
// answer to a write has left and was never read: the agent is held before the
// first byte, and killed after the last. Crash points lie between the agent's
// steps; these two lie between Azure's, which no agent can tell apart.
func playHalfMove(s *stage) error {
	killed := make(chan struct{}, 2)
	var round atomic.Int32
	s.w.ARM().OnCall(func(at emulator.Stage, c emulator.Call) {
		if c.Method != "PUT" || c.Status/100 != 2 || world.Caller(c.Who) != world.Secondary {
			return
		}
		switch {
		case at == emulator.Decided && round.CompareAndSwap(0, 1):
			s.w.Kill(world.Secondary)
			killed <- struct{}{}
		case at == emulator.Decided && round.CompareAndSwap(2, 3):
			s.w.Hold(world.Secondary)
		case at == emulator.Sent && round.CompareAndSwap(3, 4):
			s.w.Kill(world.Secondary)
			killed <- struct{}{}
		}
	})
	again := func() error {
		err := s.await("the secondary is killed in the middle of its move", func(context.Context) bool {
			select {
			case <-killed:
				return true
			default:
				return false
			}
		})
		if err != nil {
			return s.explain(err)
		}
		if err := s.pause(restart); err != nil {
			return err
		}
		round.CompareAndSwap(1, 2)
		return s.w.StartAgent(world.Secondary)
	}
	return steps(
		func() error { return s.fault(world.Primary, "crash") },
		again,
		again,
		func() error { return s.rest(world.Secondary) },
		func() error { return s.pause(calm) },
	)
}

func playFIPMissing(s *stage) error {
	began := clock.Now()
	return steps(
		func() error { return s.w.ByHand("fip-missing", s.w.TakeFIPAway) },
		func() error { return s.writes(world.Primary, "floating ip missing", began) },
		func() error { return s.rest(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playFIPWrongNIC(s *stage) error {
	return steps(
		func() error { return s.w.ByHand("fip-wrong-nic", s.w.MisplaceFIP) },
		func() error { return s.rest(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playBothReboot(s *stage) error {
	return steps(
		func() error { return s.fault(world.Primary, "reboot") },
		func() error { return s.fault(world.Secondary, "reboot") },
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
	)
}

func playSplitBrain(s *stage) error {
	for _, node := range []string{world.Primary, world.Secondary} {
		if err := s.sees(node, "that it is Master by itself, in words", func(status *site.Status) bool {
			return status.Master && !status.HA.Configured && strings.Contains(strings.ToLower(status.Summary), "split brain")
		}); err != nil {
			return err
		}
	}
	return steps(
		s.w.GiveSettings,
		func() error { return s.ready(world.Primary) },
		func() error { return s.pause(calm) },
	)
}
