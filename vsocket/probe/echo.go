package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// echoSocket speaks ICMP echo (RFC 792) over one interface.
type echoSocket struct {
	conn net.PacketConn
	id   uint16

	closed atomic.Bool
}

func openEcho(iface string) (*echoSocket, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), iface) }), err)
	}}
	conn, err := config.ListenPacket(context.Background(), "ip4:icmp", "0.0.0.0")
	if err != nil {
		return nil, refused("ICMP socket on "+iface, err)
	}
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &echoSocket{conn: conn, id: binary.BigEndian.Uint16(id[:])}, nil
}

func (e *echoSocket) send(to netip.Addr, seq uint16) error {
	message := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(e.id), Seq: int(seq), Data: make([]byte, 24)}}
	raw, err := message.Marshal(nil)
	if err != nil {
		return err
	}
	_, err = e.conn.WriteTo(raw, &net.IPAddr{IP: to.AsSlice()})
	return err
}

// next returns the next echo reply to this socket, or an ICMP error as failure.
func (e *echoSocket) next(buf []byte) (from netip.Addr, seq uint16, bytes int, err error) {
	for {
		n, sender, err := e.conn.ReadFrom(buf)
		if err != nil {
			return netip.Addr{}, 0, 0, err
		}
		message, err := icmp.ParseMessage(1, buf[:n]) // 1: ICMP for IPv4
		if err != nil || message.Type != ipv4.ICMPTypeEchoReply {
			continue
		}
		reply, ok := message.Body.(*icmp.Echo)
		address, isIP := sender.(*net.IPAddr)
		if !ok || !isIP || uint16(reply.ID) != e.id {
			continue
		}
		from, _ := netip.AddrFromSlice(address.IP.To4())
		return from, uint16(reply.Seq), n, nil
	}
}

// receive calls seen for every reply of a target until the socket is closed.
func (e *echoSocket) receive(targets []netip.Addr, seen func()) {
	buf := make([]byte, 2048)
	for {
		from, _, _, err := e.next(buf)
		switch {
		case e.closed.Load():
			return
		case err != nil:
			wait(context.Background(), errorPause)
		case slices.Contains(targets, from):
			seen()
		}
	}
}

func (e *echoSocket) close() error {
	e.closed.Store(true)
	return e.conn.Close()
}

// errorPause keeps a receiver from spinning on a socket that only has errors,
// as that of an interface that is down.
const errorPause = 10 * time.Millisecond
