package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/azuresite"
)

// flow is what TCP carried.
type flow struct {
	Rate  float64 // bytes a second
	Bytes float64 // with what was under way in the end
}

// flows are TCP connections that stay open over many turns. With new ones in
// each turn it is their slow start that is measured, and a way's queues, which
// settle differently each time.
type flows struct {
	conns   []net.Conn
	count   atomic.Int64 // bytes that arrived
	running sync.WaitGroup

	mu   sync.Mutex
	turn sync.Cond
	pour bool
}

// dialled is how long a connection may take to open.
const dialled = 5 * time.Second

// warm is how long new connections have for their windows to open, and settle
// the pace at which a way is seen to be empty.
const (
	warm   = 2 * time.Second
	settle = 20 * time.Millisecond
)

// open makes the connections of the turns to come, up or back.
func (w *way) open(streams int, back bool) error {
	f := &flows{}
	f.turn.L = &f.mu
	w.flows = f
	if err := errors.Join(w.near.Do(keepWindows), w.far.Do(keepWindows)); err != nil {
		return err
	}
	listener, err := w.far.Listen(netip.AddrPortFrom(azuresite.InternetAddr, 0).String())
	if err != nil {
		return err
	}
	defer listener.Close()
	for range streams {
		from, err := w.near.Dial(listener.Addr().String(), dialled)
		if err != nil {
			return err
		}
		f.conns = append(f.conns, from)
		to, err := listener.Accept()
		if err != nil {
			return err
		}
		f.conns = append(f.conns, to)
		if back {
			from, to = to, from
		}
		f.running.Go(func() { f.send(from) })
		f.running.Go(func() { f.drain(to) })
	}
	_, err = f.burst(warm)
	return err
}

// keepWindows: a connection that waits for its turn isn't to begin anew.
func keepWindows() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_slow_start_after_idle", []byte("0"), 0); err != nil {
		return fmt.Errorf("kernel setting: %w", err)
	}
	return nil
}

// burst sends as much as it can for a while, and waits until all has arrived.
func (f *flows) burst(span time.Duration) (*flow, error) {
	before, began := f.count.Load(), time.Now()
	f.set(true)
	<-time.After(span)
	carried, took := f.count.Load()-before, time.Since(began)
	f.set(false)
	for last := int64(-1); f.count.Load() != last; <-time.After(settle) {
		last = f.count.Load()
	}
	if carried == 0 {
		return nil, errors.New("nothing was carried")
	}
	return &flow{Rate: float64(carried) / took.Seconds(), Bytes: float64(f.count.Load() - before)}, nil
}

func (f *flows) set(pour bool) {
	f.mu.Lock()
	f.pour = pour
	f.mu.Unlock()
	f.turn.Broadcast()
}

func (f *flows) send(to net.Conn) {
	chunk := make([]byte, 256<<10)
	for {
		f.mu.Lock()
		for !f.pour {
			f.turn.Wait()
		}
		f.mu.Unlock()
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
}

func (f *flows) drain(from net.Conn) {
	chunk := make([]byte, 256<<10)
	for {
		n, err := from.Read(chunk)
		f.count.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// shut ends the connections, and waits until nobody uses them.
func (w *way) shut() {
	if w.flows == nil {
		return
	}
	for _, c := range w.flows.conns {
		c.Close()
	}
	w.flows.set(true)
	w.flows.running.Wait()
	w.flows = nil
}
