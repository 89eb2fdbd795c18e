// Package lan carries keepalives between the two vSockets: a UDP socket on the
// LAN address and one on the MGMT address, each bound to its interface, so that
// a datagram takes the path that it speaks for.
package lan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"releve.dev/releve/datagram"
	"releve.dev/releve/wire/keepalive"
)

// Path says where a path runs.
type Path struct {
	Interface string
	Local     netip.Addr
	Peer      netip.Addr
}

// Links are the sockets of all paths.
//
// Drain is for one goroutine.
type Links struct {
	port    uint16
	sockets [keepalive.Paths]socket
	strange atomic.Uint64
	buf     [maxDatagram]byte
}

type socket struct {
	*datagram.Socket
	peers *atomic.Pointer[[]netip.AddrPort] // the present address first, and former ones
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
		one, err := datagram.New(conn)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.sockets[i] = socket{one, new(atomic.Pointer[[]netip.AddrPort])}
		l.setPeers(i, path.Peer)
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
	for _, peer := range *s.peers.Load() {
		s.Socket.Send(datagram, peer)
	}
}

// SetPeers changes whom Send sends to and Drain accepts from: the peer's present
// addresses, and the former ones for as long as it may not know of a change (R14).
func (l *Links) SetPeers(present [keepalive.Paths]netip.Addr, former ...[keepalive.Paths]netip.Addr) {
	for i, peer := range present {
		all := []netip.Addr{peer}
		for _, old := range former {
			if !slices.Contains(all, old[i]) {
				all = append(all, old[i])
			}
		}
		l.setPeers(i, all...)
	}
}

func (l *Links) setPeers(i int, peers ...netip.Addr) {
	var to []netip.AddrPort
	for _, peer := range peers {
		to = append(to, netip.AddrPortFrom(peer, l.port))
	}
	l.sockets[i].peers.Store(&to)
}

// Watch calls wake whenever datagrams wait on a path, until Close. wake has to
// bring the loop to call Drain; it is called by a goroutine for each path, and
// again for that path only after a Drain.
func (l *Links) Watch(wake func(path keepalive.Path)) {
	for path := range keepalive.Paths {
		l.sockets[path].Watch(func() { wake(path) })
	}
}

// Drain hands over what waits in the sockets now, without waiting. fn may not
// keep the bytes.
func (l *Links) Drain(fn func(path keepalive.Path, datagram []byte)) {
	for path := range keepalive.Paths {
		s := &l.sockets[path]
		s.Drain(l.buf[:], func(from netip.AddrPort, datagram []byte) {
			if slices.Contains(*s.peers.Load(), from) {
				fn(path, datagram)
			} else {
				l.strange.Add(1)
			}
		})
	}
}

// Strange counts datagrams that came from somebody else than the peer.
func (l *Links) Strange() uint64 { return l.strange.Load() }

// Close closes all sockets and ends Watch.
func (l *Links) Close() error {
	var errs []error
	for _, s := range l.sockets {
		if s.Socket != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
