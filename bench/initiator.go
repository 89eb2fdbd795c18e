package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"

	"releve.dev/releve/tunnel"
)

// initiator is a WireGuard device of one vSocket of a crowd: real, but with a
// channel in place of an interface, and with a plain socket, so that thousands fit
// into one process.
type initiator struct {
	device *device.Device
	peer   string // what makes the peer, for IpcSet
	forget string // what takes it away
	queue  *channelTUN
}

// newInitiator makes a device that gives take what comes out of the tunnel. The
// socket is its own from then on.
func newInitiator(key, peer tunnel.Key, socket *net.UDPConn, to netip.AddrPort, take func(packet []byte)) (*initiator, error) {
	public := hex.EncodeToString(peer[:])
	i := &initiator{queue: &channelTUN{out: make(chan []byte, 16), events: make(chan tun.Event), take: take},
		peer:   fmt.Sprintf("public_key=%s\nendpoint=%s\nallowed_ip=0.0.0.0/0\n", public, to),
		forget: fmt.Sprintf("public_key=%s\nremove=true\n", public)}
	i.device = device.NewDevice(i.queue, &socketBind{socket: socket}, device.NewLogger(device.LogLevelSilent, ""))
	err := i.device.IpcSet(fmt.Sprintf("private_key=%s\n%s", hex.EncodeToString(key[:]), i.peer))
	if err == nil {
		err = i.device.Up()
	}
	return i, err
}

// renew is what a vSocket does when the witness is silent (tunnel.Device.Renew).
func (i *initiator) renew() error { return i.device.IpcSet(i.forget + i.peer) }

// send loses what the device is too slow for.
func (i *initiator) send(packet []byte) {
	select {
	case i.queue.out <- packet:
	default:
	}
}

// channelTUN is a TUN without a kernel.
type channelTUN struct {
	out    chan []byte
	events chan tun.Event
	take   func([]byte)
	once   sync.Once
}

func (t *channelTUN) File() *os.File           { return nil }
func (t *channelTUN) MTU() (int, error)        { return tunnel.MTU, nil }
func (t *channelTUN) Name() (string, error)    { return "channel", nil }
func (t *channelTUN) Events() <-chan tun.Event { return t.events }
func (t *channelTUN) BatchSize() int           { return 1 }

func (t *channelTUN) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	packet, open := <-t.out
	if !open {
		return 0, os.ErrClosed
	}
	sizes[0] = copy(bufs[0][offset:], packet)
	return 1, nil
}

func (t *channelTUN) Write(bufs [][]byte, offset int) (int, error) {
	for _, buf := range bufs {
		t.take(buf[offset:])
	}
	return len(bufs), nil
}

// Close is for who sends no more.
func (t *channelTUN) Close() error {
	t.once.Do(func() { close(t.out); close(t.events) })
	return nil
}

// socketBind is a socket that is there already, in whatever namespace.
type socketBind struct {
	socket *net.UDPConn
	opened bool
}

func (b *socketBind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	if b.opened {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	b.opened = true
	return []conn.ReceiveFunc{b.receive}, b.socket.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
}

func (b *socketBind) receive(bufs [][]byte, sizes []int, ends []conn.Endpoint) (int, error) {
	n, from, err := b.socket.ReadFromUDPAddrPort(bufs[0])
	if err != nil {
		return 0, err
	}
	sizes[0], ends[0] = n, &conn.StdNetEndpoint{AddrPort: from}
	return 1, nil
}

func (b *socketBind) Send(bufs [][]byte, to conn.Endpoint) error {
	for _, buf := range bufs {
		if _, err := b.socket.WriteToUDPAddrPort(buf, to.(*conn.StdNetEndpoint).AddrPort); err != nil {
			return err
		}
	}
	return nil
}

// Close before Open is how a device begins.
func (b *socketBind) Close() error {
	if !b.opened {
		return nil
	}
	return b.socket.Close()
}

func (b *socketBind) SetMark(uint32) error { return nil }
func (b *socketBind) BatchSize() int       { return 1 }

func (b *socketBind) ParseEndpoint(s string) (conn.Endpoint, error) {
	to, err := netip.ParseAddrPort(s)
	return &conn.StdNetEndpoint{AddrPort: to}, err
}

// headers is how much an IPv4 packet has in front of what its UDP carries.
const headers = 28

// packed is a datagram with its headers (RFC 791, RFC 768; UDP's checksum is
// left out, as IPv4 allows).
func packed(payload []byte, from, to netip.AddrPort) []byte {
	p := make([]byte, headers, headers+len(payload))
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(headers+len(payload)))
	copy(p[12:], from.Addr().AsSlice())
	copy(p[16:], to.Addr().AsSlice())
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum+sum>>16))
	binary.BigEndian.PutUint16(p[20:], from.Port())
	binary.BigEndian.PutUint16(p[22:], to.Port())
	binary.BigEndian.PutUint16(p[24:], uint16(8+len(payload)))
	return append(p, payload...)
}
