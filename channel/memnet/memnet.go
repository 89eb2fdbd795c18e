// Package memnet is a network in memory, for tests of both ends of the channel
// under a fake clock (testing/synctest): what waits for it waits durably. It has
// one address; connections have buffers, deadlines, and can be cut.
package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Net is such a network.
type Net struct {
	mu    sync.Mutex
	queue chan net.Conn
	down  bool
	idle  time.Duration
	conns []*conn
}

// New makes a network on which nobody listens yet.
func New() *Net { return &Net{queue: make(chan net.Conn, 1024)} }

// CutIdle makes the network end connections on which nothing was written, in
// either direction, for so long: as proxies do.
func (n *Net) CutIdle(after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = after
}

// SetDown refuses new connections, or allows them again.
func (n *Net) SetDown(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// Cut ends all connections.
func (n *Net) Cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.cut()
	}
	n.conns = nil
}

// Lose makes all present connections swallow what is written to them: neither end
// hears of the other any more.
func (n *Net) Lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.out.lose()
		c.in.lose()
	}
}

// Dial connects to the listener.
func (n *Net) Dial(context.Context, string, string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return nil, errors.New("memnet: connection refused")
	}
	up, down := newFlow(), newFlow()
	client, server := &conn{in: down, out: up}, &conn{in: up, out: down}
	if n.idle > 0 {
		client.idle = time.AfterFunc(n.idle, client.cut)
		server.idle = client.idle
		client.after, server.after = n.idle, n.idle
	}
	select {
	case n.queue <- server:
	default:
		return nil, errors.New("memnet: nobody accepts")
	}
	n.conns = append(n.conns, client)
	return client, nil
}

// Listen takes what is dialled, until it is closed; another may take its place.
func (n *Net) Listen() net.Listener { return &listener{n.queue, make(chan struct{}), sync.Once{}} }

type listener struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "mem" }
func (address) String() string  { return "192.0.2.1:443" }

// flow is one direction.
type flow struct {
	mu       sync.Mutex
	turn     sync.Cond
	data     []byte
	over     bool // nothing more will come
	lost     bool
	deadline time.Time
	timer    *time.Timer
}

// most bytes that a flow holds until its writer waits.
const most = 64 << 10

func newFlow() *flow {
	f := &flow{}
	f.turn.L = &f.mu
	return f
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.data) == 0 {
		switch {
		case f.over:
			return 0, io.EOF
		case !f.deadline.IsZero() && !time.Now().Before(f.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		f.turn.Wait()
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	f.turn.Broadcast()
	return n, nil
}

func (f *flow) write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.data) >= most && !f.over && !f.lost {
		f.turn.Wait()
	}
	if f.over {
		return 0, io.ErrClosedPipe
	}
	if !f.lost {
		f.data = append(f.data, p...)
		f.turn.Broadcast()
	}
	return len(p), nil
}

func (f *flow) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	f.turn.Broadcast()
}

func (f *flow) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
	f.turn.Broadcast()
}

func (f *flow) setDeadline(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if !t.IsZero() {
		f.timer = time.AfterFunc(time.Until(t), f.turn.Broadcast)
	}
	f.turn.Broadcast()
}

// conn is one end.
type conn struct {
	in, out *flow
	idle    *time.Timer
	after   time.Duration
}

func (c *conn) cut() {
	c.in.end()
	c.out.end()
}

func (c *conn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *conn) Write(p []byte) (int, error) {
	if c.idle != nil {
		c.idle.Reset(c.after)
	}
	return c.out.write(p)
}

func (c *conn) Close() error {
	if c.idle != nil {
		c.idle.Stop()
	}
	c.cut()
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return address{} }
func (c *conn) RemoteAddr() net.Addr { return address{} }

func (c *conn) SetDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}
func (c *conn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }
func (c *conn) SetWriteDeadline(time.Time) error  { return nil }
