package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// node is a vSocket: a VM with a kernel's gate, a disk, a clock, and an agent
// that may run.
type node struct {
	w     *World
	side  site.Side
	conf  agent.Config // what the next life begins with
	clock clock
	rand  *rand.Rand
	life  uint32 // of the agent: grows with each end of one

	running  bool // the agent is
	driver   *agent.Driver
	boot_    site.BootID
	bootedAt time.Duration // world
	tickAt   time.Duration // world; never while it doesn't run
	dueAt    time.Duration // local: when the driver wanted it

	still   Kind          // Pause, Freeze or Stall while it stands still, else ""
	until   time.Duration // when it goes on
	stoodAt time.Duration // local: since when
	stilled time.Duration // world: since when
	waiting []happening   // what came meanwhile
	space   [keepalive.Paths + 1]int

	serve, drain time.Duration // the kernel gate's deadlines, local
	down, guest  bool
	addrs        []netip.Addr // of the guest, while it has any
	record       []byte
	readdressed  bool // its settings have the other floating IP

	killIn  int // effects until the agent dies; 0: not
	dying   bool
	restart time.Duration // after which it is back

	wan, lan, imds, token, disk broken
	late                        time.Duration
	unanswered                  int    // per cent of the probes
	probing                     [2]int // readings to be made
	looks                       []seen // at IMDS

	newest ha.Config // settings that have come since; their generation is 0 if none have
	keys   *auth.Keys
	told   uint64        // generation that this life goes by
	agreed time.Duration // world: since when its next life begins with that; 0: since ever

	solo    bool       // it goes on as Master by itself, until the pair has an active
	pop     int        // that the tunnel leads to
	role    site.Role  // as the journal says
	granted site.Claim // as the state says
}

// broken counts the faults that break something.
type broken int

func newNode(w *World, side site.Side) *node {
	n := &node{w: w, side: side, conf: config(w.sched, side), rand: generator(w.sched.Seed, ofNode+uint64(side)), tickAt: never}
	n.clock.ppm = int64(w.sched.Settings.Drift[side-1])
	n.clock.base = time.Duration(1+n.rand.IntN(1000)) * time.Second
	return n
}

var floatingIP = netip.MustParseAddr("10.102.2.200")

func config(s *Schedule, side site.Side) agent.Config {
	c := &s.Settings
	third := keepalive.ARM
	if c.Witness {
		third = keepalive.Witness
	}
	return agent.Config{
		Site: "sim", FloatingIP: floatingIP,
		HA: ha.Config{Side: side, Version: site.Release, Generation: 1, Third: third, WitnessID: siteID, PoPs: c.pops(),
			Keepalive: c.Keepalive, Silent: c.Silent, Lease: c.Lease, Confirm: c.Confirm, Hold: c.Hold,
			Preempt: c.Preempt, AloneStay: c.Stay},
		Steer:   steer.Config{Side: side, FloatingIP: floatingIP, ConfigName: "releve-fip", SubnetID: subnetID, PeerVM: c.PeerVM},
		Fitness: fitness.Config{Failures: 4, Recovery: 8, Version: site.Release},
	}
}

func (n *node) local() time.Duration { return n.clock.local(n.w.now) }

// unsigned believes everybody.
type unsigned struct{ auth.MAC }

func (unsigned) Verify(_, _ []byte) bool { return true }

func (n *node) mac() auth.MAC { return n.w.mac(0) }

// mac is that of the site's nth key.
func (w *World) mac(nth int) auth.MAC {
	key := append([]byte("the site's key"), make([]byte, nth)...)
	if slip.Is(slip.Unsigned) {
		return unsigned{auth.NewChecksum(key)}
	}
	if w.sched.Settings.HMAC {
		return auth.NewHMAC(key)
	}
	return auth.NewChecksum(key)
}

// boot starts the agent.
func (n *node) boot() {
	w := n.w
	switch {
	case n.running:
		return
	case n.still != "":
		w.put(happening{at: n.until, what: boots, node: uint8(n.side), life: n.life})
		return
	}
	w.serving.edge()
	var id site.BootID
	for i := range id {
		id[i] = byte(w.ids.Uint32())
	}
	n.boot_ = id
	w.changing.configure(n)
	n.keys = auth.NewKeys(w.mac(w.keyOf(n.conf.HA.Generation)))
	driver, err := agent.NewDriver(n.conf, agent.Ports{Links: n, Witness: n, Gate: n, Guest: n, Cloud: n, Metadata: look{n}, Store: n, Journal: n,
		Recorder: w.records[n.side], MAC: n.keys, Sealed: n.mac(), Wall: func() time.Time { return time.Time{} }}, id, w.ids.Uint64(), n.local())
	if err != nil {
		w.fail("harness", "%s: %v", n.side, err)
		return
	}
	n.running, n.driver, n.dying, n.bootedAt = true, driver, false, w.now
	n.role, n.pop = site.Mute, 0
	if n.record != nil {
		n.role = site.Standby
	}
	n.told = n.conf.HA.Generation
	n.enter(func(now time.Duration) { driver.Start(now) })
	n.configure()
	n.reprobe()
}

// enter makes one call of the driver, and what follows from it.
func (n *node) enter(call func(now time.Duration)) {
	if !n.running {
		return
	}
	call(n.local())
	n.after()
}

// after a call of the driver.
func (n *node) after() {
	if n.dying {
		n.die(n.restart)
		return
	}
	if stopped, err := n.driver.Stopped(); stopped {
		n.exited(err)
		return
	}
	n.agree()
	n.plan()
}

// exited: the agent has ended by itself; whoever watches it starts it again.
func (n *node) exited(err error) {
	after := 2 * time.Second
	if err == nil {
		after = n.restart
	}
	n.w.say(n.side.String(), fmt.Sprintf("the agent has ended (%v), and is back after %v", err, after))
	n.end(after)
}

// plan sets the next tick.
func (n *node) plan() {
	if n.still != "" || !n.running {
		n.tickAt = never
		return
	}
	due := n.driver.Next()
	if due == n.dueAt && n.tickAt != never && n.tickAt > n.w.now {
		return
	}
	n.dueAt = due
	n.tickAt = max(n.clock.world(due), n.w.now)
	if n.tickAt == never {
		return
	}
	late := time.Duration(n.rand.Uint32() & 0x3ffff) // a quarter of a millisecond
	if n.late > 0 && n.rand.IntN(4) == 0 {
		late += time.Duration(n.rand.Int64N(int64(n.late)))
	}
	n.tickAt += late
}

// tick is the loop's timer (agent.Loop).
func (n *node) tick() {
	now := n.local()
	n.driver.Tick(now, max(0, now-n.dueAt))
	n.after()
}

// end of the agent, however it came; after is when it is back.
func (n *node) end(after time.Duration) {
	n.w.serving.edge()
	n.running, n.driver, n.dying, n.killIn = false, nil, false, 0
	n.w.alone.gone(n)
	n.drop()
	if n.still == Stall {
		n.still = ""
	}
	n.life++
	n.tickAt, n.role = never, site.Mute
	n.w.put(happening{at: n.w.now + after, what: boots, node: uint8(n.side), life: n.life})
}

// die: the agent's process is gone, the kernel's gate is not.
func (n *node) die(after time.Duration) {
	if n.running {
		n.w.say(n.side.String(), fmt.Sprintf("the agent dies, and is back after %v", after))
		n.end(after)
	}
}

// fall: the VM is gone, with its kernel and clock.
func (n *node) fall(after time.Duration, wipe bool) {
	n.w.say(n.side.String(), fmt.Sprintf("the VM dies, and is back after %v", after))
	n.w.settleOutage()
	n.end(after)
	n.still = ""
	n.serve, n.drain, n.down, n.guest = 0, 0, false, false
	n.clock = clock{base: time.Duration(1+n.rand.IntN(20)) * time.Second, at: n.w.now, ppm: n.clock.ppm}
	if wipe {
		n.record, n.granted = nil, site.Claim{}
		n.forget()
	}
}
