// Package datagram is a UDP socket that a loop reads itself. Watch says that
// something waits, and leaves the reading to Drain: so no datagram is ever in the
// hands of a goroutine that was preempted while the loop decides that somebody is
// silent.
package datagram

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is one. Drain is for one goroutine.
type Socket struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	drained chan struct{} // has a token once Drain has emptied the socket
	closed  chan struct{}
	close   sync.Once
}

// New takes a socket over; it closes it on an error.
func New(conn *net.UDPConn) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Socket{conn: conn, raw: raw, drained: make(chan struct{}, 1), closed: make(chan struct{})}, nil
}

// Send loses what can't be sent, as any network may.
func (s *Socket) Send(datagram []byte, to netip.AddrPort) {
	_, _ = s.conn.WriteToUDPAddrPort(datagram, to)
}

// Watch calls wake, in a goroutine of its own, whenever datagrams wait, until
// Close; again only after a Drain.
func (s *Socket) Watch(wake func()) {
	go func() {
		for s.raw.Read(waits) == nil {
			wake()
			select {
			case <-s.drained:
			case <-s.closed:
				return
			}
		}
	}()
}

func waits(fd uintptr) bool {
	_, _, err := receiveNow(fd, nil, unix.MSG_PEEK)
	return err == nil
}

// receiveNow doesn't wait. An error that waits in the socket (the ICMP answer to
// an earlier Send) is taken out by asking, and means nothing.
func receiveNow(fd uintptr, buf []byte, flags int) (n int, from unix.Sockaddr, err error) {
	for range 16 {
		n, from, err = unix.Recvfrom(int(fd), buf, flags|unix.MSG_DONTWAIT)
		if err == nil || errors.Is(err, unix.EAGAIN) {
			break
		}
	}
	return n, from, err
}

// most is more datagrams than wait in a socket with the largest buffer that we ask
// for: a megabyte, which the kernel doubles, and charges 768 bytes at least for each.
const most = 4096

// Drain reads what waits into buf, one after the other, without waiting. In a flood
// it ends all the same, with all that waited when it began; Watch wakes anew.
func (s *Socket) Drain(buf []byte, take func(from netip.AddrPort, datagram []byte)) {
	for range most {
		n, from, ok := s.poll(buf)
		if !ok {
			break
		}
		take(from, buf[:n])
	}
	select {
	case s.drained <- struct{}{}:
	default:
	}
}

// poll reads a datagram if one waits.
func (s *Socket) poll(buf []byte) (n int, from netip.AddrPort, ok bool) {
	err := s.raw.Control(func(fd uintptr) {
		read, sender, err := receiveNow(fd, buf, 0)
		if err != nil {
			return
		}
		n, ok = read, true
		if v4, is := sender.(*unix.SockaddrInet4); is {
			from = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port))
		}
	})
	return n, from, ok && err == nil
}

// Close ends Watch.
func (s *Socket) Close() error {
	s.close.Do(func() { close(s.closed) })
	return s.conn.Close()
}
