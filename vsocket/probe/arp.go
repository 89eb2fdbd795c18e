package probe

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/mdlayher/packet"
)

// arpSocket asks for one address by ARP (RFC 826). In Azure the fabric answers
// for the gateway, which answers no ping.
type arpSocket struct {
	conn *packet.Conn
	mac  net.HardwareAddr
	own  netip.Addr

	closed atomic.Bool
}

const (
	etherTypeARP = 0x0806
	arpRequest   = 1
	arpReply     = 2
	arpSize      = 28
)

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func openARP(iface string, own netip.Addr) (*arpSocket, error) {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, refused("interface "+iface, err)
	}
	conn, err := packet.Listen(ifi, packet.Datagram, etherTypeARP, nil)
	if err != nil {
		return nil, refused("ARP socket on "+iface, err)
	}
	return &arpSocket{conn: conn, mac: ifi.HardwareAddr, own: own}, nil
}

func (a *arpSocket) ask(target netip.Addr) error {
	_, err := a.conn.WriteTo(encodeARP(arpRequest, a.mac, a.own, target), &packet.Addr{HardwareAddr: broadcast})
	return err
}

func encodeARP(op uint16, mac net.HardwareAddr, own, target netip.Addr) []byte {
	b := make([]byte, arpSize)
	copy(b, []byte{0, 1, 8, 0, 6, 4}) // Ethernet, IPv4, lengths of their addresses
	binary.BigEndian.PutUint16(b[6:], op)
	copy(b[8:14], mac)
	copy(b[14:18], own.AsSlice())
	copy(b[24:28], target.AsSlice())
	return b
}

// answers reports whether b is an ARP reply that tells target's MAC address.
func answers(b []byte, target netip.Addr) bool {
	if len(b) < arpSize || [6]byte(b) != [6]byte{0, 1, 8, 0, 6, 4} || binary.BigEndian.Uint16(b[6:]) != arpReply {
		return false
	}
	return netip.AddrFrom4([4]byte(b[14:18])) == target
}

func (a *arpSocket) receive(target netip.Addr, seen func()) {
	buf := make([]byte, 256)
	for {
		n, _, err := a.conn.ReadFrom(buf)
		switch {
		case a.closed.Load():
			return
		case err != nil:
			wait(context.Background(), errorPause)
		case answers(buf[:n], target):
			seen()
		}
	}
}

func (a *arpSocket) close() error {
	a.closed.Store(true)
	return a.conn.Close()
}
