// Package sessions measures what a site's TCP connections go through: many of
// them from vm1 to the Internet host, half of them downloads at a steady pace,
// half of them idle but for a small message now and then that is answered, as a
// shell's. A connection that ends, or whose bytes aren't those that were sent,
// is a lost one; of the others it is measured for how long they stood still.
//
// Both ends are in this process, on one clock. A download's pace bounds what
// one connection sees; as the downloads don't start at once but spread over the
// pace, the worst of them sees a stall to a part of it.
package sessions

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Port is where the Internet host listens.
const Port = 7022

// Plan is what is opened, and how busy it is.
type Plan struct {
	Downloads int
	Chunk     int           // bytes that a download brings at a time
	Pace      time.Duration // between two chunks

	Echoes  int
	Message int           // bytes of a message and of its answer
	Idle    time.Duration // from an answer to the next message, on average
}

// Usual is the plan of the scenarios: 25 kB/s in each download, 2,500 segments
// a second in all. More would measure how much two tunnels cost on this machine.
var Usual = Plan{Downloads: 100, Chunk: 1000, Pace: 40 * time.Millisecond, Echoes: 100, Message: 64, Idle: 500 * time.Millisecond}

// Result is what became of the connections.
type Result struct {
	Total int
	Reset int           // ended before the end, or not intact
	Worst time.Duration // longest gap in a download beyond its pace, or longest wait for an answer
	Why   error         // of the first that was lost
}

// tail is how long what is under way in the end may take: TCP's own next
// attempt after a stall of some seconds comes seconds later.
const tail = 10 * time.Second

// Sessions is a measurement under way. Its methods may be called from any goroutine.
type Sessions struct {
	plan     Plan
	listener net.Listener
	list     []*session
	ending   atomic.Bool // the connections may end
	end      chan struct{}
	ends     sync.WaitGroup // of the connections, both of each
	accepted sync.WaitGroup
}

// Start opens all connections. Dial opens one from vm1 to the listener, which
// is the Internet host's; both belong to the measurement from now on.
func Start(dial func() (net.Conn, error), listener net.Listener, plan Plan) (*Sessions, error) {
	s := &Sessions{plan: plan, listener: listener, end: make(chan struct{})}
	for id := range plan.Downloads + plan.Echoes {
		s.list = append(s.list, newSession(uint64(id), id >= plan.Downloads, &s.ending))
	}
	s.accepted.Go(s.accept)
	for i, one := range s.list {
		conn, err := dial()
		if err != nil {
			s.Abandon()
			return nil, fmt.Errorf("open TCP connection %d of %d: %w", i+1, len(s.list), err)
		}
		one.near = conn
		s.ends.Go(func() { s.use(one, conn) })
	}
	return s, nil
}

// Running reports whether each connection has carried something.
func (s *Sessions) Running() bool {
	for _, one := range s.list {
		if !one.heard() {
			return false
		}
	}
	return true
}

// Begin forgets the stalls so far. Who is lost stays lost.
func (s *Sessions) Begin() {
	for _, one := range s.list {
		one.begin()
	}
}

// Finish ends all connections in order, and says what became of them.
func (s *Sessions) Finish() Result {
	s.close(tail)
	result := Result{Total: len(s.list)}
	for _, one := range s.list {
		worst, lost := one.outcome()
		if lost == nil {
			result.Worst = max(result.Worst, worst)
			continue
		}
		if result.Reset++; result.Why == nil {
			result.Why = fmt.Errorf("%s: %w", one, lost)
		}
	}
	return result
}

// Abandon ends all connections at once. After Finish it does nothing.
func (s *Sessions) Abandon() { s.close(0) }

// close ends the connections within a time.
func (s *Sessions) close(within time.Duration) {
	if s.ending.CompareAndSwap(false, true) {
		close(s.end)
	}
	s.listener.Close()
	s.accepted.Wait()
	for _, one := range s.list {
		one.deadline(time.Now().Add(within))
	}
	s.ends.Wait()
}

// accept serves the far ends. The hello names the connection.
func (s *Sessions) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.ends.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(tail))
			id, err := readHello(conn)
			if err != nil || id >= uint64(len(s.list)) {
				return // the near end sees it end
			}
			_ = conn.SetDeadline(time.Time{})
			s.serve(s.list[id], conn)
		})
	}
}

// errEnded is a connection that the other end has closed before the end.
var errEnded = errors.New("it was closed")
