// Package tunnel is a vSocket's end of the way to the cloud (docs/decisions/0006):
// a WireGuard device with one peer, the PoP in use; and the routes that lead what
// comes in by the LAN into it, and what is for the witness. What comes out of it
// follows the main table. The encrypted packets themselves do too: they leave by
// the WAN like all that this host sends.
//
// Whether any of it is forwarded is the gate's business. A tunnel is therefore
// open from before the agent's first word until after its last: a deposed active
// still forwards while it drains.
//
// All that is set is looked at again each second and put right, as there are
// network managers that take away what they haven't set themselves. A device that
// dies is made anew at once.
//
// # Concurrency
//
// All methods may be called by any goroutine, and none but Open and Close waits:
// one goroutine does the work. So the loop that must not be late may call them.
package tunnel

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	wg "releve.dev/releve/tunnel"
)

// Config is what a tunnel must know.
type Config struct {
	Device     string
	PrivateKey wg.Key
	Address    netip.Addr // this vSocket's, inside
	LAN        string     // whose traffic goes into the tunnel; "": nobody's but the witness's
	PoPs       []PoP      // Open uses the first
	Program    []string   // what runs wireguard-go; see tunnel.Config of the room tunnel
	Clock      func() time.Duration
	Note       func(what, detail string) // for the timeline; called by the tunnel's own goroutine
}

// PoP is one that the tunnel may lead to.
type PoP struct {
	Name      string
	Endpoint  netip.AddrPort
	PublicKey wg.Key
	Witness   netip.Addr
}

// Tunnel is an open tunnel.
type Tunnel struct {
	cfg    Config
	device *wg.Device  // nil while it can't be made; run's own
	retry  *time.Timer // runs while there is no device
	wait   time.Duration
	wake   chan struct{} // an order is there
	stop   chan struct{}
	ended  chan struct{}

	mu    sync.Mutex
	order order
	pace  Pace
	seen  seen
}

// order is what was asked for and isn't done yet.
type order struct {
	pop   int // the one that is wanted
	renew bool
	set   bool // the device has another peer than pop
}

const (
	keepAlive = 25 * time.Second // shorter than any NAT's memory on the way (WireGuard's own advice)
	lookPace  = time.Second
	// The shortest and the longest time between two attempts to make a device.
	soonest, latest = 100 * time.Millisecond, 5 * time.Second
	// leftWithin is how long a killed agent's device may take to go.
	leftWithin = 5 * time.Second
)

// Open makes the device anew, with the first PoP as its peer. What a killed agent
// has left is cleared away or put right.
func Open(cfg Config) (*Tunnel, error) {
	t := &Tunnel{cfg: cfg, pace: NewPace(), wait: soonest, retry: time.NewTimer(time.Hour),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	t.retry.Stop()
	if err := t.open(); err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	go t.run()
	return t, nil
}

// open makes the device and all that belongs to it.
func (t *Tunnel) open() (err error) {
	t.mu.Lock()
	t.order.set, t.order.renew = false, false
	pop := t.cfg.PoPs[t.order.pop]
	t.mu.Unlock()
	if t.device, err = t.openDevice(); err != nil {
		return err
	}
	if err = t.lead(pop); err != nil {
		err = errors.Join(err, t.device.Close())
		t.device = nil
	}
	return err
}

// openDevice waits for a former self's device to go: one of wireguard-go's ends
// a moment after its agent.
func (t *Tunnel) openDevice() (*wg.Device, error) {
	cfg := wg.Config{Name: t.cfg.Device, PrivateKey: t.cfg.PrivateKey, Program: t.cfg.Program}
	for begun := t.cfg.Clock(); ; {
		if err := wg.Remove(cfg.Name); err != nil {
			return nil, fmt.Errorf("%w\nhint: is `cloud.device` the name of an interface that isn't ours?", err)
		}
		device, err := wg.Open(cfg)
		if !errors.Is(err, wg.ErrTaken) || t.cfg.Clock()-begun > leftWithin {
			return device, err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// lead makes the tunnel lead to a PoP.
func (t *Tunnel) lead(pop PoP) error {
	peer := wg.Peer{PublicKey: pop.PublicKey, Endpoint: pop.Endpoint, KeepAlive: keepAlive,
		Allowed: []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}}
	return errors.Join(t.clear(pop.Witness), t.settle(pop.Witness), t.device.Set([]wg.Peer{peer}))
}

func (t *Tunnel) run() {
	defer close(t.ended)
	look := time.NewTicker(lookPace)
	defer look.Stop()
	for {
		var done <-chan struct{}
		if t.device != nil {
			done = t.device.Done()
		}
		select {
		case <-done:
			t.lost("its process has died")
		case <-t.retry.C:
			t.reopen()
		case <-t.wake:
			t.obey()
		case <-look.C:
			t.look()
		case <-t.stop:
			return
		}
	}
}

// lost: the device is gone, so it is made anew.
func (t *Tunnel) lost(why string) {
	t.cfg.Note("tunnel lost", why)
	_ = t.device.Close() // nothing is left that could be closed well
	t.device = nil
	t.reopen()
}

func (t *Tunnel) reopen() {
	if err := t.open(); err != nil {
		slog.Warn("the tunnel can't be opened", "device", t.cfg.Device, "error", err)
		t.trouble(err)
		t.retry.Reset(t.wait)
		t.wait = min(2*t.wait, latest)
		return
	}
	t.wait = soonest
	t.trouble(nil)
	t.cfg.Note("tunnel open again", "")
}

// obey carries out what was asked for.
func (t *Tunnel) obey() {
	t.mu.Lock()
	order := t.order
	t.order.set, t.order.renew = false, false
	t.mu.Unlock()
	if t.device == nil { // it will be opened with what is wanted
		return
	}
	pop := t.cfg.PoPs[order.pop]
	var err error
	switch {
	case order.set:
		err = t.lead(pop)
	case order.renew:
		err = t.device.Renew(pop.PublicKey)
	}
	if err == nil {
		return
	}
	slog.Warn("the tunnel can't be turned", "pop", pop.Name, "error", err)
	t.trouble(err)
	t.mu.Lock()
	t.order.set = t.order.set || order.set // again with the next look
	t.mu.Unlock()
}

// Close takes the tunnel away, and all that belongs to it.
func (t *Tunnel) Close() error {
	close(t.stop)
	<-t.ended
	t.retry.Stop()
	err := t.unroute()
	if t.device != nil {
		err = errors.Join(err, t.device.Close())
	}
	return err
}
