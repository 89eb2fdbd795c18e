package sessions

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"releve.dev/releve/lab/clock"
)

const ms = time.Millisecond

// few are as in a scenario, but fewer and faster.
var few = Plan{Downloads: 4, Chunk: 100, Pace: 5 * ms, Echoes: 4, Message: 16, Idle: 20 * ms}

// path is a network between the two ends that can be made to misbehave. It acts
// on one connection, by the order in which they were opened.
type path struct {
	held    atomic.Int64 // what comes from the far end of connection held-1 waits
	corrupt atomic.Int64 // a byte from the far end of connection corrupt-1 is changed, once

	mu   sync.Mutex
	near []net.Conn // the sides towards vm1
}

// open relays a new connection to addr.
func (p *path) open(t *testing.T, addr string) (net.Conn, error) {
	entry, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer entry.Close()
	conn, err := net.Dial("tcp4", entry.Addr().String())
	if err != nil {
		return nil, err
	}
	near, err := entry.Accept()
	if err != nil {
		return nil, err
	}
	far, err := net.Dial("tcp4", addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	p.mu.Lock()
	p.near = append(p.near, near)
	number := int64(len(p.near))
	p.mu.Unlock()
	go p.relay(near, far, -1)
	go p.relay(far, near, number)
	return conn, nil
}

func (p *path) relay(from, to net.Conn, number int64) {
	defer to.(*net.TCPConn).CloseWrite()
	buf := make([]byte, 4096)
	tick := time.NewTicker(ms)
	defer tick.Stop()
	for {
		n, err := from.Read(buf)
		for p.held.Load() == number {
			<-tick.C
		}
		if n > 0 && p.corrupt.CompareAndSwap(number, 0) {
			buf[n-1]++
		}
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			return
		}
	}
}

// reset ends a connection as a firewall without its state would.
func (p *path) reset(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.near[i].(*net.TCPConn).SetLinger(0)
	p.near[i].Close()
}

func start(t *testing.T) (*Sessions, *path) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := new(path)
	s, err := Start(func() (net.Conn, error) { return p.open(t, listener.Addr().String()) }, listener, few)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "all connections carry something", s.Running)
	s.Begin()
	return s, p
}

// until polls a condition, with a bound far above what it takes.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(ms)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (s *Sessions) losses() (n int) {
	for _, one := range s.list {
		if _, lost := one.outcome(); lost != nil {
			n++
		}
	}
	return n
}

func TestNothingIsLostOnAGoodPath(t *testing.T) {
	s, _ := start(t)
	until(t, "100 chunks of a download", func() bool { return s.list[0].sent.Load() >= 100*int64(few.Chunk) })
	if r := s.Finish(); r.Total != 8 || r.Reset != 0 || r.Why != nil {
		t.Errorf("%+v, want 8 connections and none lost", r)
	}
}

// Each kind of connection that is reset is counted, once, although both of its
// ends see it.
func TestAResetIsCounted(t *testing.T) {
	s, p := start(t)
	p.reset(0)
	p.reset(few.Downloads)
	until(t, "two are lost", func() bool { return s.losses() == 2 })
	if r := s.Finish(); r.Total != 8 || r.Reset != 2 || r.Why == nil {
		t.Errorf("%+v, want 2 of 8 lost, and why", r)
	}
}

// A connection that the other end closes is lost, as polite as that is.
func TestAnEarlyEndIsCounted(t *testing.T) {
	s, p := start(t)
	p.mu.Lock()
	_ = p.near[0].(*net.TCPConn).CloseWrite()
	p.mu.Unlock()
	until(t, "one is lost", func() bool { return s.losses() == 1 })
	if r := s.Finish(); r.Reset != 1 || !errors.Is(r.Why, errEnded) {
		t.Errorf("%+v, want one lost that was closed", r)
	}
}

func TestAWrongByteIsCounted(t *testing.T) {
	for _, number := range []int{1, few.Downloads + 1} {
		s, p := start(t)
		p.corrupt.Store(int64(number))
		until(t, "one is lost", func() bool { return s.losses() == 1 })
		if r := s.Finish(); r.Reset != 1 || !errors.Is(r.Why, errNotIntact) {
			t.Errorf("connection %d: %+v, want one lost that isn't intact", number, r)
		}
	}
}

// A stall is measured in a download and in a message's answer, and is no loss.
func TestAStallIsMeasured(t *testing.T) {
	const stall = 300 * ms
	for _, number := range []int{1, few.Downloads + 1} {
		s, p := start(t)
		began := clock.Now()
		p.held.Store(int64(number))
		until(t, "the stall is over", func() bool { return clock.Now() > began+stall })
		p.held.Store(0)
		released := clock.Now()
		one := s.list[number-1]
		until(t, "it goes on", func() bool { worst, _ := one.outcome(); return worst > stall-2*few.Idle })
		r := s.Finish()
		// A message may have been sent as late as after 1.5 idle times.
		if most := clock.Now() - began; r.Reset != 0 || r.Worst < stall-2*few.Idle || r.Worst > most {
			t.Errorf("connection %d: %+v, want none lost and a stall of %v to %v (released after %v)", number, r, stall-2*few.Idle, most, released-began)
		}
	}
}

// What was before Begin doesn't count as a stall.
func TestBeginForgetsStalls(t *testing.T) {
	c := newSession(0, false, new(atomic.Bool))
	c.wait(clock.Now() - time.Minute)
	c.waited(0, true)
	c.wait(clock.Now() - time.Minute)
	c.begin()
	c.waited(0, false)
	if worst, _ := c.outcome(); worst > 30*time.Second {
		t.Errorf("a stall of %v, which was before", worst)
	}
}

// Bytes lost, doubled or swapped are no stream.
func TestAStreamMatchesItselfAlone(t *testing.T) {
	var b [64]byte
	newStream(7).fill(b[:])
	if s := newStream(7); !s.matches(b[:10]) || !s.matches(b[10:]) {
		t.Error("a stream doesn't match itself in two pieces")
	}
	for name, wrong := range map[string][]byte{"lost": b[1:], "doubled": append(append([]byte{}, b[:8]...), b[4:]...)} {
		if newStream(7).matches(wrong) {
			t.Errorf("%s bytes match", name)
		}
	}
	if newStream(8).matches(b[:]) {
		t.Error("another connection's bytes match")
	}
}
