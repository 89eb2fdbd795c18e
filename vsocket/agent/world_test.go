package agent

import (
	"container/heap"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// world is two real drivers under a virtual clock, a network that can be cut,
// and a small Azure.
type world struct {
	t      *testing.T
	now    time.Duration
	seq    int
	due    calendar
	nodes  [3]*node // by site.Side
	cut    func(from site.Side, path keepalive.Path) bool
	arm    *miniARM
	boots  int
	soloAt time.Duration // when one that was Master by itself was booted
	trace  []string
}

type node struct {
	w      *world
	side   site.Side
	driver *Driver
	life   int // grows with each boot: what belongs to a former life is dropped
	up     bool
	paused time.Duration // until when

	serve, drain time.Duration
	down, guest  bool
	addrs        []netip.Addr
	record       []byte
	conf         Config
	keys         *auth.Keys
	recorder     Recorder
	part         int // bytes of a part of the record, 0 for the usual
}

type item struct {
	at  time.Duration
	seq int
	fn  func()
}

type calendar []item

func (c calendar) Len() int { return len(c) }
func (c calendar) Less(i, j int) bool {
	return c[i].at < c[j].at || c[i].at == c[j].at && c[i].seq < c[j].seq
}
func (c calendar) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *calendar) Push(x any)   { *c = append(*c, x.(item)) }
func (c *calendar) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}

// newWorld has both vSockets down; boot starts them.
func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Hour, cut: func(site.Side, keepalive.Path) bool { return false }}
	w.arm = newMiniARM(w)
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		w.nodes[side] = &node{w: w, side: side, conf: testConfig(side), keys: auth.NewKeys(auth.NewChecksum([]byte("k")))}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + strings.Join(w.trace, "\n"))
		}
	})
	return w
}

func testConfig(side site.Side) Config {
	return Config{
		Site: "test", FloatingIP: fip,
		HA: ha.Config{Side: side, Version: site.Release, Generation: 1, Third: keepalive.ARM,
			Keepalive: 50 * time.Millisecond, Silent: 200 * time.Millisecond, Lease: 200 * time.Millisecond,
			Confirm: time.Second, Hold: 10 * time.Second, Preempt: true, AloneStay: true},
		Steer:   steer.Config{Side: side, FloatingIP: fip, ConfigName: "releve-fip", SubnetID: "/subnet"},
		Fitness: fitness.Config{Failures: 4, Recovery: 8, Version: site.Release},
	}
}

func (w *world) at(at time.Duration, fn func()) {
	w.seq++
	heap.Push(&w.due, item{at, w.seq, fn})
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for {
		at, n := w.next()
		if at > end {
			break
		}
		w.now = max(w.now, at)
		if n != nil {
			n.driver.Tick(w.now, 0)
		} else {
			heap.Pop(&w.due).(item).fn()
		}
		w.check()
	}
	w.now = end
}

// next is the earliest thing to happen: a node's tick, or an item (nil).
func (w *world) next() (at time.Duration, who *node) {
	at = time.Duration(1<<63 - 1)
	if len(w.due) > 0 {
		at = w.due[0].at
	}
	for _, n := range w.nodes[1:] {
		if n.up && n.driver != nil {
			if next := max(n.driver.Next(), n.paused); next < at {
				at, who = next, n
			}
		}
	}
	return at, who
}

// check is the safety that every schedule shares.
func (w *world) check() {
	p, s := w.nodes[site.Primary], w.nodes[site.Secondary]
	for _, n := range w.nodes[1:] {
		if n.up && n.driver != nil {
			if stopped, _ := n.driver.Stopped(); stopped {
				n.up = false
			}
		}
	}
	if solo := w.now - w.soloAt; p.serve > w.now && s.serve > w.now && (w.soloAt == 0 || solo > time.Second) && w.arm.owner() != site.NoSide && w.now-w.arm.movedAt > 5*time.Second {
		w.t.Fatalf("%v: both gates are open %v after the move", w.clock(), w.now-w.arm.movedAt)
	}
}

func (w *world) clock() string { return fmt.Sprintf("%.3f", (w.now - time.Hour).Seconds()) }

func (w *world) log(who, what, detail string) {
	w.trace = append(w.trace, fmt.Sprintf("%9s %-9s %s: %s", w.clock(), who, what, detail))
}

// boot starts a vSocket, healthy.
func (w *world) boot(side site.Side) *node {
	n := w.nodes[side]
	w.boots++
	n.life++
	n.up, n.paused = true, 0
	boot := site.BootID{byte(side), byte(w.boots)}
	driver, err := NewDriver(n.conf, Ports{Links: n, Gate: n, Guest: n, Cloud: n, Metadata: meta{n}, Store: n, Journal: n,
		Recorder: n.recorder, MAC: n.keys, Wall: func() time.Time { return time.Unix(0, 0) }}, boot, uint64(1000+w.boots), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	if n.part > 0 {
		driver.tape.full = n.part
	}
	n.driver = driver
	driver.Start(w.now)
	n.readings(fitness.WAN, true, 1)
	n.readings(fitness.LAN, true, 1)
	return n
}

func (w *world) bootBoth() (p, s *node) {
	p, s = w.boot(site.Primary), w.boot(site.Secondary)
	w.run(10 * time.Second)
	w.at1(p, site.Active)
	w.at1(s, site.Standby)
	w.arm.moves = 0
	return p, s
}

func (w *world) at1(n *node, role site.Role) {
	w.t.Helper()
	if got := n.driver.ha.View(w.now).Role; got != role {
		w.t.Fatalf("%s: the %s is %s, not %s", w.clock(), n.side, got, role)
	}
}

// crash ends a vSocket without a word; its state is what was saved.
func (n *node) crash() {
	n.up, n.serve, n.drain = false, 0, 0
	n.life++
}

// pause stops the guest; its clock runs on.
func (n *node) pause(d time.Duration) { n.paused = n.w.now + d }

func (n *node) readings(kind fitness.Kind, ok bool, times int) {
	for range times {
		n.driver.Reading(n.w.now, kind, ok)
	}
}

// later delivers to this life of the node, after its pause.
func (n *node) later(d time.Duration, fn func()) {
	life := n.life
	var deliver func()
	deliver = func() {
		switch {
		case n.life != life || !n.up:
		case n.paused > n.w.now:
			n.w.at(n.paused, deliver)
		default:
			fn()
		}
	}
	n.w.at(n.w.now+d, deliver)
}

// The ports.

func (n *node) Send(path keepalive.Path, datagram []byte) {
	peer := n.w.nodes[n.side.Peer()]
	if n.w.cut(n.side, path) || !peer.up {
		return
	}
	deliver := func(datagram []byte) {
		copied := append([]byte(nil), datagram...)
		peer.later(time.Millisecond, func() { peer.driver.Datagram(n.w.now, path, copied) })
	}
	deliver(datagram)
	n.keys.Former(datagram, deliver)
}

func (n *node) Serve(until time.Duration) error { n.serve = until; return nil }
func (n *node) Drain(until time.Duration) error { n.drain = until; return nil }
func (n *node) Down(open bool) error            { n.down = open; return nil }
func (n *node) FloatingIP(on bool) error        { n.guest = on; return nil }
func (n *node) Addresses(a []netip.Addr) error  { n.addrs = a; return nil }
func (n *node) Load() ([]byte, bool, error)     { return n.record, n.record != nil, nil }
func (n *node) Save(record []byte) error        { n.record = record; return nil }

// Append also holds an entry's time against the clock.
func (n *node) Append(e site.Entry) {
	n.w.log(e.Who, e.What, e.Detail)
	if e.At != n.w.now {
		n.w.t.Errorf("%s: %q is noted %v early", n.w.clock(), e.What, n.w.now-e.At)
	}
}

func (n *node) Start(request steer.Request) {
	sentAt := n.w.now
	n.w.arm.call(n, request, func(response steer.Response) {
		response.ID, response.SentAt = request.ID, sentAt
		n.driver.Response(n.w.now, &response)
	})
}

type meta struct{ n *node }

func (m meta) Start() {
	sentAt := m.n.w.now
	m.n.later(time.Millisecond, func() {
		m.n.driver.MetadataRead(m.n.w.now, sentAt, m.n.w.arm.owner() == m.n.side, nil)
	})
}
