package sessions

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/clock"
)

// session is one connection with what is known of it at both ends.
type session struct {
	id     uint64
	echo   bool
	ending *atomic.Bool
	near   net.Conn
	sent   atomic.Int64 // bytes of a download, written by its far end

	mu    sync.Mutex
	far   net.Conn
	last  time.Duration // a download's latest arrival; when a message was sent; 0: waits for nothing
	any   bool
	worst time.Duration
	lost  error
}

func newSession(id uint64, echo bool, ending *atomic.Bool) *session {
	return &session{id: id, echo: echo, ending: ending}
}

func (c *session) String() string {
	if c.echo {
		return fmt.Sprintf("connection %d, idle", c.id)
	}
	return fmt.Sprintf("connection %d, a download", c.id)
}

// lose keeps why a connection is lost, the first reason.
func (c *session) lose(end string, err error) {
	if errors.Is(err, io.EOF) {
		err = errEnded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = fmt.Errorf("%s: %w", end, err)
	}
}

// wait begins to wait for something; waited ends it.
func (c *session) wait(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = now
}

// waited takes down how long it was waited since wait, beyond what is usual,
// and waits on from now if there is more to come.
func (c *session) waited(usual time.Duration, more bool) {
	now := clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != 0 {
		c.worst = max(c.worst, now-c.last-usual)
	}
	c.any, c.last = true, 0
	if more {
		c.last = now
	}
}

func (c *session) heard() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.any
}

func (c *session) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worst = 0
	if c.last != 0 {
		c.last = clock.Now()
	}
}

func (c *session) outcome() (worst time.Duration, lost error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worst, c.lost
}

func (c *session) deadline(at time.Time) {
	c.mu.Lock()
	far := c.far
	c.mu.Unlock()
	for _, conn := range []net.Conn{c.near, far} {
		if conn != nil {
			_ = conn.SetDeadline(at)
		}
	}
}

const helloSize = 8

func readHello(conn net.Conn) (id uint64, err error) {
	var hello [helloSize]byte
	_, err = io.ReadFull(conn, hello[:])
	return binary.BigEndian.Uint64(hello[:]), err
}

// use is vm1's end.
func (s *Sessions) use(c *session, conn net.Conn) {
	defer conn.Close()
	var hello [helloSize]byte
	binary.BigEndian.PutUint64(hello[:], c.id)
	_, err := conn.Write(hello[:])
	switch {
	case err != nil:
	case c.echo:
		err = s.ask(c, conn)
	default:
		err = s.download(c, conn)
	}
	if err != nil {
		c.lose("at vm1", err)
	}
}

// serve is the Internet host's end.
func (s *Sessions) serve(c *session, conn net.Conn) {
	c.mu.Lock()
	c.far = conn
	c.mu.Unlock()
	if s.ending.Load() { // close may not have seen it
		c.deadline(time.Now().Add(tail))
	}
	var err error
	if c.echo {
		err = s.answer(c, conn)
	} else {
		err = s.upload(c, conn)
	}
	if err != nil {
		c.lose("at the Internet host", err)
	}
}

var errNotIntact = errors.New("what arrived isn't what was sent")

// download reads until the end, which must not come before the last byte.
func (s *Sessions) download(c *session, conn net.Conn) error {
	expected, buf := newStream(c.id), make([]byte, 16*s.plan.Chunk)
	c.wait(clock.Now())
	for received := int64(0); ; {
		n, err := conn.Read(buf)
		if n > 0 {
			c.waited(s.plan.Pace, true)
			received += int64(n)
			if !expected.matches(buf[:n]) {
				return errNotIntact
			}
		}
		switch {
		case errors.Is(err, io.EOF) && c.ending.Load() && received == c.sent.Load():
			return nil
		case errors.Is(err, io.EOF) && c.ending.Load():
			return fmt.Errorf("%d of %d bytes arrived", received, c.sent.Load())
		case err != nil:
			return err
		}
	}
}

// upload sends at the pace. What a stall has kept back isn't caught up with: the
// pace is the application's.
func (s *Sessions) upload(c *session, conn net.Conn) error {
	if !s.rest(s.plan.Pace * time.Duration(c.id) / time.Duration(s.plan.Downloads)) {
		return nil
	}
	stream, chunk := newStream(c.id), make([]byte, s.plan.Chunk)
	ticker := time.NewTicker(s.plan.Pace)
	defer ticker.Stop()
	for {
		stream.fill(chunk)
		n, err := conn.Write(chunk)
		c.sent.Add(int64(n))
		if err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-s.end:
			return nil
		}
	}
}

// ask sends a message, waits for the answer, and is idle for a while.
func (s *Sessions) ask(c *session, conn net.Conn) error {
	stream, expected := newStream(c.id), newStream(c.id)
	message, answer := make([]byte, s.plan.Message), make([]byte, s.plan.Message)
	random := rand.New(rand.NewPCG(c.id, 0))
	for s.rest(s.plan.Idle/2 + time.Duration(random.Int64N(int64(s.plan.Idle)))) {
		stream.fill(message)
		c.wait(clock.Now())
		if _, err := conn.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			return err
		}
		c.waited(0, false)
		if !expected.matches(answer) {
			return errNotIntact
		}
	}
	return nil
}

// answer sends back what comes.
func (s *Sessions) answer(c *session, conn net.Conn) error {
	message := make([]byte, s.plan.Message)
	for {
		_, err := io.ReadFull(conn, message)
		switch {
		case errors.Is(err, io.EOF) && c.ending.Load():
			return nil
		case err != nil:
			return err
		}
		if _, err := conn.Write(message); err != nil {
			return err
		}
	}
}

// rest lets time pass; false if the end came first.
func (s *Sessions) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.end:
		return false
	}
}
