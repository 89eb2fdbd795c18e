package agent

import (
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/site"
)

// solo boots a vSocket that was Master by itself.
func (w *world) solo(side site.Side) *node {
	n := w.nodes[side]
	n.serve, n.down, n.conf.HA.FromSolo, w.soloAt = w.now+soloHold, true, true, w.now
	return w.boot(side)
}

// E2, E3: the primary serves when the first HA settings come, to it and to the
// secondary that was added, in whatever order. There is no moment without its gate,
// and the floating IP never leaves it.
func TestFirstSettingsCostNothingE2(t *testing.T) {
	for _, later := range []time.Duration{-2 * time.Second, -time.Second, 0, 100 * time.Millisecond, 2900 * time.Millisecond, 3050 * time.Millisecond, 10 * time.Second} {
		t.Run(later.String(), func(t *testing.T) {
			w := newWorld(t)
			w.arm.took = 2 * time.Second
			start := w.now + max(0, -later)
			w.at(start+later, func() { w.boot(site.Secondary) })
			w.run(start - w.now)
			p := w.solo(site.Primary)
			for range 30000 {
				if w.run(time.Millisecond); p.serve <= w.now || !p.down {
					t.Fatalf("%s: shut", w.clock())
				}
			}
			w.settled(p, 0)
		})
	}
}

// The added one was first by far, and serves: the other lets go as soon as it hears
// of it, from its peer, or with no path to it from the register. What still comes to
// it drains until it has the role back.
func TestSoloLetsGoOfWhatItsPeerHas(t *testing.T) {
	for name, cut := range map[string]bool{"by the peer": false, "by the register": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.boot(site.Secondary)
			w.run(10 * time.Second)
			w.at1(s, site.Active)
			if cut {
				w.cut = everyPath
			}
			p := w.solo(site.Primary)
			w.run(200 * time.Millisecond)
			if p.serve > w.now || p.driver.ha.View(w.now).Serve > 0 {
				t.Fatal("two forward")
			}
			w.cut = noPath
			for range 60000 {
				if w.run(time.Millisecond); p.serve <= w.now && p.drain <= w.now {
					t.Fatalf("%s: nothing is forwarded", w.clock())
				}
			}
			w.settled(p, w.arm.moves) // by a failback
		})
	}
}

// Without a role at Azure nobody can be granted a term. The one that served serves
// on, and says why it has no term.
func TestSoloServesOnWithoutAzure(t *testing.T) {
	w := newWorld(t)
	w.arm.denied = true
	w.boot(site.Secondary)
	p := w.solo(site.Primary)
	for range 600 {
		if w.run(100 * time.Millisecond); p.serve <= w.now {
			t.Fatalf("%s: shut", w.clock())
		}
	}
	status := p.driver.Status(w.now)
	if status.HA.Ready || status.Azure.Problem == "" {
		t.Errorf("says %q", status.Summary)
	}
	w.arm.denied = false
	w.run(20 * time.Second)
	w.settled(p, 0)
}

// A standby may be left for another at any moment, and the active doesn't even
// suspect it; with the active's gate open throughout.
func TestStandbyIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	p, s := w.bootBoth()
	if !s.driver.Resting(w.now) || p.driver.Resting(w.now) || p.driver.Alone(w.now) {
		t.Fatal("who may be left?")
	}
	for range 20 {
		s.life++
		w.boot(site.Secondary)
		for range 700 {
			if w.run(time.Millisecond); p.serve <= w.now {
				t.Fatalf("%s: the active's gate is shut", w.clock())
			}
		}
	}
	w.settled(p, 0)
	p.crash()
	w.servesWithin(s, 6*time.Second)
	if w.run(time.Second); !s.driver.Alone(w.now) {
		t.Error("the one that is left may not leave the pair")
	}
}

// What was recorded with changes of settings in it is replayed.
func TestSettingsAreRecorded(t *testing.T) {
	w := newWorld(t)
	p, s := w.recorded()
	w.nodes[site.Primary].part = 16 << 10 // checkpoints too
	w.bootBoth()
	for generation := uint64(2); generation < 6; generation++ {
		for _, n := range w.nodes[1:] {
			c := &n.conf.HA
			c.Generation, c.Lease, c.Hold = generation, time.Duration(generation)*100*time.Millisecond, time.Duration(generation)*time.Second
			n.driver.Configure(w.now, *c)
			w.run(3 * time.Second)
		}
	}
	if !w.nodes[site.Primary].driver.Agreed() {
		t.Error("not agreed")
	}
	w.nodes[site.Primary].readings(fitness.WAN, false, 5)
	w.run(20 * time.Second)
	w.at1(w.nodes[site.Secondary], site.Active)
	for side, to := range map[site.Side]*shelf{site.Primary: p, site.Secondary: s} {
		w.nodes[side].driver.Close()
		lines, done := replay(t, to.data)
		same(t, lines, w.lines(side))
		if done.Different != "" || done.Missing != 0 || done.Unread != 0 {
			t.Errorf("%s: %+v", side, done)
		}
	}
}

// R14: some settings are taken by a standby alone, in another life. The standby is
// first; then the active hands over to it, and does the same. Nothing is handed over
// before the other is ready for it, and nobody goes on handing over afterwards.
func TestActiveHandsOverForSettingsR14(t *testing.T) {
	w := newWorld(t)
	for _, n := range w.nodes[1:] {
		n.conf.HA.Preempt = false
	}
	p, s := w.bootBoth()
	anew := func(n *node) {
		n.life++
		n.conf.HA.Waits = false
		w.boot(n.side)
	}
	for _, n := range []*node{p, s} {
		n.conf.HA.Generation, n.conf.HA.Waits = 2, true
		n.driver.Configure(w.now, n.conf.HA)
		w.run(2 * time.Second)
	}
	w.settled(p, 0)
	if p.driver.Resting(w.now) || !s.driver.Resting(w.now) {
		t.Fatal("the active may be left, or the standby not")
	}
	anew(s)
	w.servesWithin(s, 10*time.Second)
	w.run(10 * time.Second)
	w.settled(s, 1)
	if w.said("handover: asks the secondary to get ready: settings of generation 2") != 1 {
		t.Error("it wasn't a handover")
	}
	if !p.driver.Resting(w.now) {
		t.Fatal("the other isn't at rest")
	}
	anew(p)
	w.run(time.Minute)
	w.settled(s, 1)
}
