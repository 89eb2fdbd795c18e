package examine

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"releve.dev/releve/doctor"
)

const (
	wholeMTU  = 1500 // of Azure's networks
	leastMTU  = 576  // what each host takes (RFC 791)
	headers   = 28   // of IPv4 and ICMP
	echoLimit = 700 * time.Millisecond
)

// paths finds the largest packet that comes whole to the peer by the LAN, and to
// the PoP by the WAN. Who answers no echo at all isn't told of: that is no fault.
func (l *look) paths(ctx context.Context) {
	for _, way := range []struct {
		to, by string
		addr   netip.Addr
	}{{"peer", "lan", l.Peer}, {"pop", "wan", l.PoP}} {
		device := l.named(way.by)
		if !way.addr.IsValid() || device == "" {
			continue
		}
		mtu, err := pathMTU(ctx, device, way.addr)
		switch {
		case errors.Is(err, errSilent), errors.Is(err, unix.ENODEV): // the interface isn't there: told already
		case err != nil:
			l.unseen("the MTU of the way to the "+way.to, err)
		default:
			l.guest.Paths = append(l.guest.Paths, doctor.Path{To: way.to, By: way.by, MTU: mtu, Want: wholeMTU})
		}
	}
}

var errSilent = errors.New("no echo")

// pathMTU halves the range between what must pass and what should. Ten echoes at
// most; each is asked for twice, as one may be lost.
func pathMTU(ctx context.Context, device string, to netip.Addr) (int, error) {
	e, err := openEcho(device, to)
	if err != nil {
		return 0, err
	}
	defer e.conn.Close()
	if e.twice(ctx, wholeMTU) {
		return wholeMTU, nil
	}
	if !e.twice(ctx, leastMTU) {
		return 0, errSilent
	}
	low, high := leastMTU, wholeMTU // low passes, high doesn't
	for high-low > 4 && ctx.Err() == nil {
		middle := (low + high) / 2
		if e.twice(ctx, middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low, ctx.Err()
}

// echo asks one host for echoes that no router may cut (RFC 1191).
type echo struct {
	conn net.PacketConn
	to   netip.Addr
	seq  uint16
}

func openEcho(device string, to netip.Addr) (*echo, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		return errors.Join(raw.Control(func(fd uintptr) {
			err = errors.Join(unix.BindToDevice(int(fd), device),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE))
		}), err)
	}}
	conn, err := config.ListenPacket(context.Background(), "ip4:icmp", "0.0.0.0")
	return &echo{conn: conn, to: to}, err
}

func (e *echo) twice(ctx context.Context, size int) bool {
	return e.once(ctx, size) || ctx.Err() == nil && e.once(ctx, size)
}

// once reports whether an echo of size bytes came back within the limit.
func (e *echo) once(ctx context.Context, size int) bool {
	e.seq++
	id := uint16(os.Getpid()) ^ uint16(size)
	data := make([]byte, size-headers)
	binary.BigEndian.PutUint16(data, e.seq)
	raw, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(id), Seq: int(e.seq), Data: data}}).Marshal(nil)
	if err != nil {
		return false
	}
	deadline := time.Now().Add(echoLimit)
	if end, bounded := ctx.Deadline(); bounded && end.Before(deadline) {
		deadline = end
	}
	if e.conn.SetDeadline(deadline) != nil {
		return false
	}
	if _, err := e.conn.WriteTo(raw, &net.IPAddr{IP: e.to.AsSlice()}); err != nil {
		return false // EMSGSIZE: larger than the interface's MTU
	}
	buf := make([]byte, 2*wholeMTU)
	for {
		n, from, err := e.conn.ReadFrom(buf)
		if err != nil {
			return false
		}
		message, err := icmp.ParseMessage(1, buf[:n]) // 1: ICMP for IPv4
		if err != nil || message.Type != ipv4.ICMPTypeEchoReply || from.String() != e.to.String() {
			continue
		}
		if reply, ok := message.Body.(*icmp.Echo); ok && uint16(reply.ID) == id && uint16(reply.Seq) == e.seq {
			return true
		}
	}
}
