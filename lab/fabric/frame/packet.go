// Package frame reads and rewrites the Ethernet frames of the lab's fabric in
// place: IPv4 headers, ARP, and the checksums that address translation
// touches, those that a TAP leaves to be finished by the receiver included.
// It holds no state, allocates nothing and never looks beyond the bytes given.
package frame

import (
	"encoding/binary"
	"net/netip"
)

// HeaderLen is the length of an Ethernet header.
const HeaderLen = 14

// The EtherTypes that the fabric tells apart.
const (
	TypeIPv4 = 0x0800
	TypeARP  = 0x0806
	TypeIPv6 = 0x86dd
)

// The IP protocol numbers that the fabric tells apart.
const (
	ICMP = 1
	IPIP = 4
	TCP  = 6
	UDP  = 17
	GRE  = 47
)

// Addr is an IPv4 address as a number: quick to compare, to mask and to hash.
type Addr uint32

// FromNetip turns an IPv4 address (plain or mapped) into an Addr. Any other
// gives 0, which no host has.
func FromNetip(a netip.Addr) Addr {
	a = a.Unmap()
	if !a.Is4() {
		return 0
	}
	b := a.As4()
	return Addr(binary.BigEndian.Uint32(b[:]))
}

// Netip is the way back.
func (a Addr) Netip() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return netip.AddrFrom4(b)
}

// Multicast reports whether a is of 224.0.0.0/4 (RFC 5771).
func (a Addr) Multicast() bool { return a>>28 == 0xe }

// Broadcast reports whether a is the limited broadcast address (RFC 919).
func (a Addr) Broadcast() bool { return a == 0xffffffff }

// EtherType is the type of a frame, 0 if it is too short to have one.
func EtherType(f []byte) uint16 {
	if len(f) < HeaderLen {
		return 0
	}
	return binary.BigEndian.Uint16(f[12:])
}

// Packet is a parsed IPv4 packet. It points into the frame that it was parsed
// from.
type Packet struct {
	ip      []byte // from the IP header to the end of the packet
	l4      int    // offset of the transport header in ip
	partial bool   // the transport checksum is to be finished by the receiver

	Proto    uint8
	Src, Dst Addr
	// HasPorts says whether the ports are known: those of TCP and UDP, and the
	// identifier of an ICMP echo as both. A later fragment has none.
	HasPorts         bool
	SrcPort, DstPort uint16
	First, Later     bool // fragment: with the transport header, without it
	ID               uint16
}

// Parse reads the IPv4 packet of a frame whose EtherType is TypeIPv4; vnet is
// the frame's virtio-net header or nil. It reports false for a packet that no
// router would carry: a header that lies about its lengths, or a transport
// header that doesn't fit (RFC 791, RFC 1812 section 5.2.2).
func Parse(vnet, f []byte) (p Packet, ok bool) {
	if len(f) < HeaderLen+20 {
		return p, false
	}
	ip := f[HeaderLen:]
	head, total := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || head < 20 || total < head || total > len(ip) {
		return p, false
	}
	p.ip, p.l4 = ip[:total], head
	p.Proto = ip[9]
	p.Src, p.Dst = addrAt(ip, 12), addrAt(ip, 16)
	p.ID = binary.BigEndian.Uint16(ip[4:])
	frag := binary.BigEndian.Uint16(ip[6:])
	p.Later = frag&0x1fff != 0
	p.First = !p.Later && frag&0x2000 != 0
	if p.Later {
		return p, true
	}
	p.partial = NeedsChecksum(vnet) && checksumStart(vnet) == HeaderLen+head
	return p, p.readTransport()
}

// readTransport fills the ports in, and reports whether the header is whole.
func (p *Packet) readTransport() bool {
	t := p.ip[p.l4:]
	switch p.Proto {
	case TCP:
		if len(t) < 20 {
			return false
		}
	case UDP, ICMP:
		if len(t) < 8 {
			return false
		}
	default:
		return true
	}
	switch {
	case p.Proto != ICMP:
		p.SrcPort, p.DstPort = binary.BigEndian.Uint16(t), binary.BigEndian.Uint16(t[2:])
		p.HasPorts = true
	case t[0] == icmpEcho || t[0] == icmpEchoReply:
		p.SrcPort = binary.BigEndian.Uint16(t[4:])
		p.DstPort = p.SrcPort
		p.HasPorts = true
	}
	return true
}

func addrAt(b []byte, at int) Addr { return Addr(binary.BigEndian.Uint32(b[at:])) }
