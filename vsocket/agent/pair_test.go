package agent

import (
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

func everyPath(site.Side, keepalive.Path) bool { return true }
func noPath(site.Side, keepalive.Path) bool    { return false }

// settled fails unless the active serves, alone, with the FIP.
func (w *world) settled(active *node, moves int) {
	w.t.Helper()
	w.at1(active, site.Active)
	if w.arm.owner() != active.side || w.arm.moves != moves {
		w.t.Fatalf("%s: floating IP on %s after %d moves, want %s after %d", w.clock(), w.arm.owner(), w.arm.moves, active.side, moves)
	}
	if active.serve <= w.now || !active.guest {
		w.t.Fatalf("%s: the active's gate is shut", w.clock())
	}
	other := w.nodes[active.side.Peer()]
	if other.up && other.serve > w.now {
		w.t.Fatalf("%s: the standby's gate is open", w.clock())
	}
}

func (w *world) said(what string) int {
	n := 0
	for _, line := range w.trace {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// servesWithin runs until n serves and returns how long it took.
func (w *world) servesWithin(n *node, limit time.Duration) time.Duration {
	w.t.Helper()
	start := w.now
	for w.now < start+limit {
		w.run(time.Millisecond)
		if n.serve > w.now && w.arm.owner() == n.side {
			return w.now - start
		}
	}
	w.t.Fatalf("%s: the %s doesn't serve after %v", w.clock(), n.side, limit)
	return 0
}

// A healthy pair: one active, nothing written once at rest, gate always open.
func TestPairAtRestB4(t *testing.T) {
	w := newWorld(t)
	p, _ := w.bootBoth()
	writes := w.arm.writes
	for range 600 {
		w.run(100 * time.Millisecond)
		w.settled(p, 0)
	}
	if w.arm.writes != writes {
		t.Errorf("%d writes at rest", w.arm.writes-writes)
	}
}

// B1, B2: the active dies, the standby takes over within silence, confirmation
// and Azure's time; B3: the primary comes back and gets the role back.
func TestPairCrashAndFailbackB1B2B3(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	p.crash()
	if took := w.servesWithin(s, 3*time.Second); took > 1400*time.Millisecond {
		t.Errorf("took %v", took)
	}
	w.run(20 * time.Second)
	w.settled(s, 1)
	w.boot(site.Primary)
	w.run(8 * time.Second)
	w.settled(s, 1)
	w.run(30 * time.Second)
	w.settled(p, 2)
	if got := w.said("term granted"); got != 3 {
		t.Errorf("%d terms granted, want 3", got)
	}
}

// The fastest timers.
func TestPairFastTimersB1(t *testing.T) {
	w := newWorld(t)
	for _, n := range w.nodes[1:] {
		n.conf.HA.Keepalive, n.conf.HA.Silent, n.conf.HA.Lease, n.conf.HA.Confirm = 10*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond, 0
	}
	p, s := w.bootBoth()
	w.run(20 * time.Second)
	p.crash()
	if took := w.servesWithin(s, time.Second); took > 150*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// B4: Azure takes two minutes for each write; nothing times out or flaps.
func TestPairSlowAzureB4(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	w.arm.took = 2 * time.Minute
	writes := w.arm.writes
	p.crash()
	w.run(6 * time.Minute)
	w.settled(s, 1)
	if n := w.arm.writes - writes; n > 4 {
		t.Errorf("%d writes", n)
	}
}

// One path alone is no silence: not even a suspicion, and no move.
func TestPairKeepaliveCutOnLAN(t *testing.T) {
	w := newWorld(t)
	p, _ := w.bootBoth()
	w.cut = func(_ site.Side, path keepalive.Path) bool { return path == keepalive.LAN }
	w.run(time.Minute)
	w.settled(p, 0)
	ready := p.driver.Status(w.now).HA
	if ready.Ready || ready.Indicators[0].OK {
		t.Errorf("HA is ready without keepalives on the LAN: %+v", ready)
	}
}

// B9, ha-schedules.md 26: both alive and fit, no path between them.
func TestPairPeerCutNoDuelB9(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	w.cut = everyPath
	w.run(60 * time.Second)
	w.settled(s, 1)
	w.at1(p, site.Standby)
	w.cut = noPath
	w.run(40 * time.Second)
	w.settled(p, 2)
}

// One direction alone: the active hears nothing, the standby hears all.
func TestPairOneWayCut(t *testing.T) {
	for _, deaf := range [...]site.Side{site.Primary, site.Secondary} {
		t.Run("deaf "+deaf.String(), func(t *testing.T) {
			w := newWorld(t)
			p, _ := w.bootBoth()
			w.cut = func(from site.Side, _ keepalive.Path) bool { return from == deaf.Peer() }
			w.run(60 * time.Second)
			if w.arm.moves > 1 {
				t.Fatalf("%d moves", w.arm.moves)
			}
			w.cut = noPath
			w.run(60 * time.Second)
			w.settled(p, w.arm.moves)
			if w.arm.moves > 2 {
				t.Fatalf("%d moves", w.arm.moves)
			}
		})
	}
}

// A VM that stands still for ten seconds: suspended at its first tick, then
// standby, then the primary again.
func TestPairFreeze(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	p.pause(10 * time.Second)
	w.servesWithin(s, 3*time.Second)
	w.run(9 * time.Second)
	w.at1(p, site.Standby)
	if w.said("suspended: paused") != 1 {
		t.Error("the resumed vSocket was not suspended")
	}
	w.run(30 * time.Second)
	w.settled(p, 2)
}

// A clean stop: said by the peer, taken over without silence or confirmation.
func TestPairStop(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	p.driver.Stop(w.now)
	if took := w.servesWithin(s, time.Second); took > 300*time.Millisecond {
		t.Errorf("took %v", took)
	}
	w.run(20 * time.Second)
	w.settled(s, 1)
	if p.up {
		t.Error("the stopped agent has not ended")
	}
	if w.said("secondary peer silent") > 0 && w.said("claim: term 2: the peer yielded") == 0 {
		t.Error("the standby waited for silence")
	}
}

// The active's WAN or LAN dies: handed over, once, over what is left.
func TestPairUnfitHandsOver(t *testing.T) {
	for name, kind := range map[string]fitness.Kind{"wan": fitness.WAN, "lan": fitness.LAN} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, s := w.bootBoth()
			if kind == fitness.LAN {
				w.cut = func(_ site.Side, path keepalive.Path) bool { return path == keepalive.LAN }
			}
			p.readings(kind, false, 4)
			w.servesWithin(s, 2*time.Second)
			w.run(time.Minute)
			w.settled(s, 1)
			w.at1(p, site.Standby)
		})
	}
}

// ARM is silent for a minute while the primary dies.
func TestPairAzureDown(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	w.arm.silent = true
	w.run(5 * time.Second)
	p.crash()
	w.run(55 * time.Second)
	status := s.driver.Status(w.now)
	if !strings.Contains(status.Summary, "Azure") || status.Azure.OK {
		t.Errorf("status doesn't say why: %q", status.Summary)
	}
	w.arm.silent = false
	if took := w.servesWithin(s, 5*time.Second); took > 2*time.Second {
		t.Errorf("took %v after ARM was back", took)
	}
	w.run(10 * time.Second)
	w.settled(s, 1)
}

// The standby's death, and ARM's with it, change nothing for the active.
func TestPairStandbyAndAzureGone(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	s.crash()
	w.run(3 * time.Second)
	w.arm.silent = true
	for range 600 {
		w.run(100 * time.Millisecond)
		if p.serve <= w.now {
			t.Fatalf("%s: gate shut (alone: stay)", w.clock())
		}
	}
	if w.said("gate closed") != 0 {
		t.Error("the gate was shut for a moment")
	}
}

// No role: named with action and scope, and mended by giving it.
func TestPairAzureDenied(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	w.arm.denied = true
	p.crash()
	w.run(30 * time.Second)
	if problem := s.driver.Status(w.now).Azure.Problem; !strings.Contains(problem, "networkInterfaces/read on /nic") {
		t.Errorf("problem %q", problem)
	}
	w.arm.denied = false
	w.servesWithin(s, 5*time.Second)
	w.run(10 * time.Second)
	w.settled(s, 1)
}

// B6: moved or removed by hand: seen, put right, once.
func TestPairFloatingIPMovedByHandB6(t *testing.T) {
	for name, to := range map[string]site.Side{"missing": site.NoSide, "wrong nic": site.Secondary} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p, _ := w.bootBoth()
			w.run(10 * time.Second)
			w.arm.put(to)
			w.arm.moves = 0
			w.run(15 * time.Second)
			w.settled(p, 1)
			if w.said("floating ip ") == 0 {
				t.Error("no event")
			}
		})
	}
}

// Killed between detach and attach, and between the answer and its journal.
func TestPairHalfMove(t *testing.T) {
	for _, when := range [...]string{"before the answer", "before the add"} {
		t.Run(when, func(t *testing.T) {
			w := newWorld(t)
			p, s := w.bootBoth()
			killed := false
			w.arm.before = func(n *node, request steer.Request) bool {
				add := strings.Contains(request.Why, "put the floating IP on")
				claim := strings.Contains(request.Why, "claim term")
				if killed || n != s || (when == "before the add" && !add) || (when == "before the answer" && !claim) {
					return false
				}
				killed = true
				if claim {
					w.arm.answer(n, request)
				}
				s.crash()
				w.at(w.now+5*time.Second, func() { w.boot(site.Secondary) })
				return true
			}
			p.crash()
			w.run(30 * time.Second)
			w.settled(s, 1)
		})
	}
}

// Both reboot: the primary serves, in a higher term.
func TestPairBothReboot(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	p.crash()
	s.crash()
	w.run(20 * time.Second)
	w.boot(site.Primary)
	w.boot(site.Secondary)
	w.run(10 * time.Second)
	w.settled(p, 0)
	if term := p.driver.Status(w.now).Term; term != 2 {
		t.Errorf("term %d", term)
	}
}

// A vSocket without state is mute until ARM has told it the term.
func TestPairStateLostIsMuteR0(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	w.arm.silent = true
	s.crash()
	s.record = nil
	w.boot(site.Secondary)
	w.run(4 * time.Second)
	w.at1(s, site.Mute)
	w.settled(p, 0)
	w.arm.silent = false
	w.run(5 * time.Second)
	w.at1(s, site.Standby)
}

// R13: each takeover of the last minutes doubles the hold.
func TestPairFlappingPrimaryBacksOff(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	hold := func() time.Duration {
		p.crash()
		w.servesWithin(s, 5*time.Second)
		w.run(5 * time.Second)
		w.boot(site.Primary)
		return 5*time.Second + w.servesWithin(p, 5*time.Minute)
	}
	first, second, third := hold(), hold(), hold()
	if first > 20*time.Second || second < 20*time.Second || third < 40*time.Second {
		t.Errorf("failback %v, %v, %v after the takeovers", first, second, third)
	}
}

// A replayed datagram of a former boot, and a forged one, change nothing.
func TestPairReplayAndForgery(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	old := keepalive.Append(nil, &keepalive.Message{From: site.Secondary, Boot: site.BootID{9}, Seq: 1 << 40,
		Third: keepalive.ARM, Granted: site.Claim{Term: 99, Holder: site.Secondary}, Role: site.Active},
		auth.NewChecksum([]byte("k")))
	forged := append([]byte(nil), old...)
	forged[len(forged)-1] ^= 1
	for range 100 {
		p.driver.Datagram(w.now, keepalive.LAN, old)
		p.driver.Datagram(w.now, keepalive.LAN, forged)
		p.driver.Datagram(w.now, keepalive.LAN, old[:20])
		w.run(10 * time.Millisecond)
	}
	w.settled(p, 0)
	w.at1(s, site.Standby)
	got := p.driver.Status(w.now).Received
	if got.Forged != 100 || got.Malformed != 100 {
		t.Errorf("counted %+v", got)
	}
}
