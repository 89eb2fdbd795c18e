package tunnel

import (
	"errors"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/site"
)

// seen is what the last look showed.
type seen struct {
	at             time.Duration
	handshake      time.Time // by the wall clock; zero: none
	last           counters  // as the device counts, from its peer's last setting on
	total          counters
	received, sent float64 // bits a second, between the last two looks
	problem        string
}

type counters struct{ received, sent uint64 }

// look reads the counters and puts the routes right.
func (t *Tunnel) look() {
	if t.device == nil {
		return
	}
	t.mu.Lock()
	pop := t.cfg.PoPs[t.order.pop]
	t.mu.Unlock()
	err := t.settle(pop.Witness)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		t.lost("its interface is gone")
		return
	}
	stats, statsErr := t.device.Stats()
	t.trouble(errors.Join(err, statsErr))
	for _, s := range stats {
		if s.PublicKey == pop.PublicKey {
			t.count(s.Handshake, counters{s.Received, s.Sent})
		}
	}
	t.obey() // what failed before
}

func (t *Tunnel) count(handshake time.Time, now counters) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, at := &t.seen, t.cfg.Clock()
	if now.received < s.last.received || now.sent < s.last.sent { // a renewed peer counts anew
		s.last = counters{}
	}
	received, sent := now.received-s.last.received, now.sent-s.last.sent
	s.total.received += received
	s.total.sent += sent
	if seconds := (at - s.at).Seconds(); s.at > 0 && seconds > 0 {
		s.received, s.sent = 8*float64(received)/seconds, 8*float64(sent)/seconds
	}
	s.at, s.handshake, s.last = at, handshake, now
}

// trouble is what status shows until a look finds none.
func (t *Tunnel) trouble(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen.problem = ""
	if err != nil {
		t.seen.problem = err.Error()
	}
}

// rejected is the age at which WireGuard uses a session no more (its paper,
// section 6.1: Reject-After-Time).
const rejected = 180 * time.Second

// Status says how the tunnel is, not more than a second ago. Nothing in it is
// secret.
func (t *Tunnel) Status() site.TunnelStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	pop, s := t.cfg.PoPs[t.order.pop], &t.seen
	status := site.TunnelStatus{PoP: pop.Name, Endpoint: pop.Endpoint, Device: t.cfg.Device, Problem: s.problem,
		Received: s.total.received, Sent: s.total.sent, ReceivedRate: s.received, SentRate: s.sent}
	if !s.handshake.IsZero() {
		age := max(0, time.Since(s.handshake))
		seconds := age.Seconds()
		status.Up, status.Handshake = age < rejected && s.problem == "", &seconds
	}
	return status
}

// Current is the number of the PoP in use.
func (t *Tunnel) Current() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.order.pop
}

// Use makes the tunnel lead to another PoP of the list.
func (t *Tunnel) Use(i int) {
	_ = t.cfg.PoPs[i] // there is one
	t.mu.Lock()
	if t.order.pop != i {
		t.order.pop, t.order.set = i, true
		t.pace, t.seen = NewPace(), seen{total: t.seen.total}
	}
	t.mu.Unlock()
	t.poke()
}

// Renew begins the session with the PoP anew: the other end may have been
// restarted, and know nothing of it any more.
func (t *Tunnel) Renew() {
	t.mu.Lock()
	t.order.renew = true
	t.mu.Unlock()
	t.poke()
}

// Missed: the witness owes an answer. The third that is missed in a row renews
// the session; as long as more are missed, it is renewed again and again, ever
// more slowly.
func (t *Tunnel) Missed() {
	t.mu.Lock()
	renew := t.pace.Miss(t.cfg.Clock())
	t.mu.Unlock()
	if renew {
		t.Renew()
	}
}

// Retry: the PoP is there, somebody else reaches it. Once in a row of misses that
// renews the session before its time.
func (t *Tunnel) Retry() {
	t.mu.Lock()
	renew := t.pace.Hint(t.cfg.Clock())
	t.mu.Unlock()
	if renew {
		t.Renew()
	}
}

// Answered: the witness has answered, so the tunnel works.
func (t *Tunnel) Answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pace.Answered(t.cfg.Clock())
}

func (t *Tunnel) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
