// Package lan carries keepalives between the two vSockets: a UDP socket on the
// LAN address and one on the MGMT address, each bound to its interface, so that
// a datagram takes the path that it speaks for.
//
// Receive runs a goroutine for each path, which hands on what comes. Drain takes
// what waits in the sockets without waiting for those goroutines; the loop calls
// it before it believes in a silence. Either may see a datagram first.
package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"releve.dev/releve/wire/keepalive"
)

// Path says where a path runs.
type Path struct {
	Interface string
	Local     netip.Addr
	Peer      netip.Addr
}

// Links are the sockets of all paths.
type Links struct {
	port     uint16
	sockets  [keepalive.Paths]socket
	strange  atomic.Uint64
	drainBuf [maxDatagram]byte
}

type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	peer netip.AddrPort
}

const (
	maxDatagram = 2048
	// receiveBuffer holds seconds of keepalives at the fastest setting, for an
	// agent that was starved.
	receiveBuffer = 1 << 20
)

// Open binds all paths. The error names the address and what to do about it.
func Open(paths [keepalive.Paths]Path, port uint16) (*Links, error) {
	l := &Links{port: port}
	for i, path := range paths {
		conn, err := listen(path, port)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return nil, errors.Join(err, conn.Close(), l.Close())
		}
		l.sockets[i] = socket{conn: conn, raw: raw, peer: netip.AddrPortFrom(path.Peer, port)}
	}
	return l, nil
}

func listen(path Path, port uint16) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = prepare(int(fd), path.Interface) }), err)
	}}
	local := netip.AddrPortFrom(path.Local, port)
	conn, err := config.ListenPacket(context.Background(), "udp4", local.String())
	if err == nil {
		return conn.(*net.UDPConn), nil
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("keepalives: %s is taken by another program\nhint: is releve-vsocket running already? `ss -ulpn` shows who has the port", local)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return nil, fmt.Errorf("keepalives: no interface has the address %s\nhint: compare `interfaces` in the config with `ip address`", path.Local)
	case errors.Is(err, unix.ENODEV):
		return nil, fmt.Errorf("keepalives: there is no interface %q\nhint: compare `interfaces` in the config with `ip link`", path.Interface)
	}
	return nil, fmt.Errorf("keepalives: %s on %s: %w", local, path.Interface, err)
}

// prepare binds to the interface and puts keepalives before other traffic
// (class CS6, RFC 4594 section 3.2: network control).
func prepare(fd int, iface string) error {
	if err := unix.BindToDevice(fd, iface); err != nil {
		return err
	}
	// Best effort: both are refused in some containers, and neither is needed.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, 0xc0)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 6)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	return nil
}

// Send sends to the peer. A path that is down loses it, as any network may.
func (l *Links) Send(path keepalive.Path, datagram []byte) {
	s := &l.sockets[path]
	_, _ = s.conn.WriteToUDPAddrPort(datagram, s.peer)
}

// Receive hands every datagram of the peer to fn until the sockets are closed.
// fn is called by one goroutine for each path and may not keep the bytes.
func (l *Links) Receive(fn func(path keepalive.Path, datagram []byte)) {
	for path := range keepalive.Paths {
		go l.receive(path, fn)
	}
}

func (l *Links) receive(path keepalive.Path, fn func(keepalive.Path, []byte)) {
	s := &l.sockets[path]
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // an ICMP error about an earlier Send: the peer isn't there
		case from != s.peer:
			l.strange.Add(1)
		default:
			fn(path, buf[:n])
		}
	}
}

// Drain hands over what waits in the sockets now. It is for one goroutine.
func (l *Links) Drain(fn func(path keepalive.Path, datagram []byte)) {
	for path := range keepalive.Paths {
		s := &l.sockets[path]
		for {
			n, from, ok := s.poll(l.drainBuf[:])
			if !ok {
				break
			}
			if from == s.peer {
				fn(path, l.drainBuf[:n])
			} else {
				l.strange.Add(1)
			}
		}
	}
}

// poll reads a datagram if one waits.
func (s *socket) poll(buf []byte) (n int, from netip.AddrPort, ok bool) {
	err := s.raw.Control(func(fd uintptr) {
		read, sender, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
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

// Strange counts datagrams that came from somebody else than the peer.
func (l *Links) Strange() uint64 { return l.strange.Load() }

// Close closes all sockets and ends Receive.
func (l *Links) Close() error {
	var errs []error
	for _, s := range l.sockets {
		if s.conn != nil {
			errs = append(errs, s.conn.Close())
		}
	}
	return errors.Join(errs...)
}
