package streams

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"releve.dev/releve/channel"
)

// The errors of a stream, or of opening one.
var (
	ErrOver  = errors.New("the session is over")
	ErrMost  = fmt.Errorf("%d streams are open already", Most)
	ErrReset = errors.New("stream reset")
)

// Mux is the streams of one session, at either end. Its methods may be called by
// several goroutines.
type Mux struct {
	serve func(service string, conn net.Conn) // nil: this end opens, and serves nothing
	out   chan *channel.Stream
	over  chan struct{}

	mu   sync.Mutex
	open map[uint32]*stream // nil when over
	last uint32             // id
}

// New makes the streams of a session. serve is a device's: it is called, in a
// goroutine of its own, with each stream that the manager opens, and closes it.
func New(serve func(service string, conn net.Conn)) *Mux {
	return &Mux{serve: serve, out: make(chan *channel.Stream), over: make(chan struct{}), open: map[uint32]*stream{}}
}

// Out gives the steps to be sent, whenever the session has nothing better to send.
func (x *Mux) Out() <-chan *channel.Stream { return x.out }

// Close ends all streams: the session is over.
func (x *Mux) Close() {
	x.mu.Lock()
	open := x.open
	if x.open != nil {
		close(x.over)
	}
	x.open = nil
	x.mu.Unlock()
	for _, s := range open {
		s.fail(ErrOver)
	}
}

// Open opens a stream to a service of the device. Whether it has that service
// shows when the stream is read.
func (x *Mux) Open(ctx context.Context, service string) (net.Conn, error) {
	s, err := x.add(0)
	if err != nil {
		return nil, err
	}
	select {
	case x.out <- &channel.Stream{Id: s.id, Step: &channel.Stream_Open{Open: service}}:
		return s, nil
	case <-x.over:
		return nil, ErrOver
	case <-ctx.Done():
		x.remove(s.id)
		return nil, ctx.Err()
	}
}

// add makes a stream: the next one, or the one that the manager has opened.
func (x *Mux) add(id uint32) (*stream, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.open == nil:
		return nil, ErrOver
	case len(x.open) == Most:
		return nil, ErrMost
	case id == 0:
		id = x.last + 1
	case id <= x.last:
		return nil, malformed("stream %d is opened after %d", id, x.last)
	}
	s := newStream(x, id)
	x.open[id], x.last = s, id
	return s, nil
}

func (x *Mux) remove(id uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, id)
}

// put sends a step.
func (x *Mux) put(m *channel.Stream) error {
	select {
	case x.out <- m:
		return nil
	case <-x.over:
		return ErrOver
	}
}

// Take takes a step from the other end. It doesn't block. An error is a breach of
// the contract: the session is to end.
func (x *Mux) Take(m *channel.Stream) error {
	if open, is := m.GetStep().(*channel.Stream_Open); is {
		return x.opened(m.GetId(), open.Open)
	}
	x.mu.Lock()
	s, last := x.open[m.GetId()], x.last
	x.mu.Unlock()
	if s == nil {
		if m.GetId() > last {
			return malformed("stream %d was never opened", m.GetId())
		}
		return nil // it has ended here, and the other end doesn't know yet
	}
	switch step := m.GetStep().(type) {
	case *channel.Stream_Data:
		return s.arrived(step.Data)
	case *channel.Stream_Grant:
		return s.granted(step.Grant)
	case *channel.Stream_End:
		s.ended()
	case *channel.Stream_Reset_:
		x.remove(s.id)
		s.fail(fmt.Errorf("%w: %s", ErrReset, step.Reset_))
	}
	return nil
}

func (x *Mux) opened(id uint32, service string) error {
	if x.serve == nil {
		return malformed("a device opens no streams")
	}
	s, err := x.add(id)
	if errors.Is(err, ErrOver) {
		return nil
	}
	if err != nil { // the manager counts too
		return malformed("%v", err)
	}
	go x.serve(service, s)
	return nil
}

func malformed(format string, args ...any) error {
	return channel.Refuse(channel.Refusal_MALFORMED, fmt.Sprintf("streams: "+format, args...))
}
