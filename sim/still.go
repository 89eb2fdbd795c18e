package sim

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// How many datagrams a socket keeps while nobody reads it: a kernel's receive
// buffer (208 KiB at 768 bytes a datagram) while the process stands still, and
// what the host keeps for a guest that does.
const (
	socketSpace = 270
	hostSpace   = 16
)

// stand lets the node stand still.
func (n *node) stand(kind Kind, until time.Duration) {
	if n.still != "" || (kind == Stall && !n.running) {
		return
	}
	n.w.settleOutage()
	n.still, n.until, n.stoodAt, n.stilled = kind, until, n.local(), n.w.now
	if kind == Freeze {
		n.clock.freeze(n.w.now)
	}
	n.tickAt = never
	n.w.put(happening{at: until, what: resumes, node: uint8(n.side)})
}

// wait keeps what comes for a node that stands still.
func (n *node) wait(h happening) bool {
	if n.still == "" {
		return false
	}
	if h.what == arrives {
		space := socketSpace
		if n.still != Stall {
			space = hostSpace
		}
		if n.space[h.path] >= space {
			n.w.net.free(h.index)
			return true
		}
		n.space[h.path]++
	}
	n.waiting = append(n.waiting, h)
	return true
}

// resume: first what the program's goroutines have waiting, in the order in
// which the loop may take it, then the sockets, then the timer (agent.Loop).
func (n *node) resume() {
	if n.still == "" || n.w.now < n.until {
		return
	}
	n.w.settleOutage()
	n.still = ""
	if n.clock.frozen {
		n.clock.thaw(n.w.now)
		n.w.thaws.resumed(n)
	}
	waiting, due, life, clock := n.waiting, n.dueAt, n.life, n.local()
	was, stood := n.role, clock-n.stoodAt
	n.waiting, n.space = nil, [keepalive.Paths + 1]int{}
	socketsFirst := n.rand.IntN(2) == 0
	for pass := range 2 {
		for _, h := range waiting {
			if (h.what == arrives) == (socketsFirst == (pass == 0)) {
				n.w.happen(h)
			}
		}
	}
	n.w.thaws.waited(n)
	if n.running && n.life == life {
		now := n.local()
		n.driver.Tick(now, max(0, now-due))
		n.after()
	}
	if n.life == life && was == site.Active {
		n.w.noticed(n, stood)
	}
	n.configure()
}

// noticed is R2: an active whose own clock shows that it stood still serves
// nothing on what it had asked before.
func (w *World) noticed(n *node, stood time.Duration) {
	c := &w.most
	if stood > max(c.Lease/2, 50*time.Millisecond)+2*c.Keepalive && n.serve > n.local() {
		w.fail("pause noticed", "the %s stood still for %v, and its gate is open", n.side, stood)
	}
}

// drop forgets what waits for an agent that has died.
func (n *node) drop() {
	for _, h := range n.waiting {
		if h.what == arrives {
			n.w.net.free(h.index)
		}
	}
	n.waiting, n.space = nil, [keepalive.Paths + 1]int{}
}
