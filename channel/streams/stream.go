package streams

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"releve.dev/releve/channel"
)

// stream is one end of one. Its Close ends both directions; who has sent all
// closes, and what is on its way arrives.
type stream struct {
	mux *Mux
	id  uint32

	mu     sync.Mutex
	change sync.Cond
	in     []byte // arrived, not read
	may    int    // bytes that the other end may still send
	read   int    // bytes read that weren't granted again
	credit int    // bytes that we may send
	end    bool   // the other end has sent all
	closed bool   // by us
	err    error  // why it is over before its end

	readBy, writeBy deadline
}

var _ net.Conn = (*stream)(nil)

func newStream(x *Mux, id uint32) *stream {
	s := &stream{mux: x, id: id, may: Window, credit: Window}
	s.change.L = &s.mu
	return s
}

// Read waits for bytes. Half a window that was read is granted again.
func (s *stream) Read(p []byte) (int, error) {
	n, grant, err := s.take(p)
	if grant > 0 { // a session that is over needs none
		_ = s.mux.put(&channel.Stream{Id: s.id, Step: &channel.Stream_Grant{Grant: uint32(grant)}})
	}
	return n, err
}

func (s *stream) take(p []byte) (n, grant int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.in) == 0 && !s.end && !s.closed && s.err == nil && len(p) > 0 && !s.readBy.over() {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, 0, net.ErrClosed
	case s.readBy.over():
		return 0, 0, os.ErrDeadlineExceeded
	case len(s.in) == 0 && s.end:
		return 0, 0, io.EOF
	case len(s.in) == 0 && s.err != nil:
		return 0, 0, s.err
	}
	n = copy(p, s.in)
	if s.in = s.in[n:]; len(s.in) == 0 {
		s.in = nil // an idle stream holds no memory
	}
	if s.read += n; s.read >= Window/2 && !s.end {
		grant, s.read = s.read, 0
		s.may += grant
	}
	return n, grant, nil
}

// Write returns once all is handed to the session.
func (s *stream) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := s.spend(len(p) - written)
		if err != nil {
			return written, err
		}
		chunk := append([]byte(nil), p[written:written+n]...)
		if err := s.mux.put(&channel.Stream{Id: s.id, Step: &channel.Stream_Data{Data: chunk}}); err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

// spend waits until some bytes may be sent, and says how many.
func (s *stream) spend(wanted int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.credit == 0 && !s.closed && s.err == nil && !s.writeBy.over() {
		s.change.Wait()
	}
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.err != nil:
		return 0, s.err
	case s.writeBy.over():
		return 0, os.ErrDeadlineExceeded
	}
	n := min(wanted, s.credit, Chunk)
	s.credit -= n
	return n, nil
}

// Close says that all is sent, and that nothing more is read.
func (s *stream) Close() error {
	s.mu.Lock()
	was, end := s.closed || s.err != nil, s.end
	s.closed, s.in = true, nil
	s.readBy.set(time.Time{}, nil)
	s.writeBy.set(time.Time{}, nil)
	s.change.Broadcast()
	s.mu.Unlock()
	if was {
		return nil
	}
	s.mux.remove(s.id)
	// Who closes doesn't wait for a session that is busy.
	go func() {
		if s.CloseWrite() == nil && !end {
			_ = s.mux.put(&channel.Stream{Id: s.id, Step: &channel.Stream_Reset_{Reset_: "closed"}})
		}
	}()
	return nil
}

// CloseWrite says that all is sent; what the other end sends is still read.
func (s *stream) CloseWrite() error {
	return s.mux.put(&channel.Stream{Id: s.id, Step: &channel.Stream_End{End: true}})
}

func (s *stream) arrived(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.may -= len(data); s.may < 0 || s.end {
		return malformed("stream %d has more data than it may", s.id)
	}
	if !s.closed && s.err == nil {
		s.in = append(s.in, data...)
		s.change.Broadcast()
	}
	return nil
}

func (s *stream) granted(n uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > Window || s.credit+int(n) > Window {
		return malformed("stream %d is granted more than a window", s.id)
	}
	s.credit += int(n)
	s.change.Broadcast()
	return nil
}

func (s *stream) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = true
	s.change.Broadcast()
}

func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.change.Broadcast()
}

// address is what a stream has in place of an address.
type address struct{}

func (address) Network() string { return "channel" }
func (address) String() string  { return "channel" }

func (s *stream) LocalAddr() net.Addr  { return address{} }
func (s *stream) RemoteAddr() net.Addr { return address{} }

func (s *stream) SetDeadline(t time.Time) error {
	_, _ = s.SetReadDeadline(t), s.SetWriteDeadline(t)
	return nil
}

func (s *stream) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readBy.set(t, s.wake)
	return nil
}

func (s *stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeBy.set(t, s.wake)
	return nil
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change.Broadcast()
}

// deadline is one of a stream; the stream's lock guards it.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) set(at time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.at = at; !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), wake)
	}
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
