package frame

import "encoding/binary"

// Offsets in the IPv4 header and of the transport checksums.
const (
	checksumAt    = 10
	srcAt         = 12
	dstAt         = 16
	tcpChecksumAt = 16
	udpChecksumAt = 6
	icmpSumAt     = 2
)

// SetMACs gives a frame its Ethernet addresses.
func SetMACs(f []byte, dst, src [6]byte) {
	copy(f[0:6], dst[:])
	copy(f[6:12], src[:])
}

// TranslateSrc replaces the source address: the way out through a one-to-one
// public address. All checksums that cover it stay right, and an ICMP error
// that quotes a packet to the old address quotes one to the new.
func (p *Packet) TranslateSrc(to Addr) {
	from := p.Src
	p.translateQuote(dstAt, from, to)
	p.replace(srcAt, from, to)
	p.Src = to
}

// TranslateDst replaces the destination address: the way in. It is the mirror
// of TranslateSrc.
func (p *Packet) TranslateDst(to Addr) {
	from := p.Dst
	p.translateQuote(srcAt, from, to)
	p.replace(dstAt, from, to)
	p.Dst = to
}

func (p *Packet) replace(at int, from, to Addr) {
	binary.BigEndian.PutUint32(p.ip[at:], uint32(to))
	adjust(p.ip[checksumAt:], from, to)
	if p.Later {
		return
	}
	t := p.ip[p.l4:]
	switch p.Proto {
	case TCP:
		p.adjustTransport(t[tcpChecksumAt:], from, to)
	case UDP:
		sum := t[udpChecksumAt:]
		if !p.partial && sum[0] == 0 && sum[1] == 0 {
			return // the sender computed none (RFC 768)
		}
		p.adjustTransport(sum, from, to)
		if !p.partial && sum[0] == 0 && sum[1] == 0 {
			sum[0], sum[1] = 0xff, 0xff
		}
	}
}

// adjustTransport mends a checksum that covers the pseudo-header. A partial
// one (VIRTIO_NET_HDR_F_NEEDS_CSUM) is the sum of the pseudo-header itself,
// not its complement, so that the difference goes in with the other sign.
func (p *Packet) adjustTransport(sum []byte, from, to Addr) {
	if p.partial {
		s := binary.BigEndian.Uint16(sum)
		binary.BigEndian.PutUint16(sum, fold(uint32(s)+difference(from, to)))
		return
	}
	adjust(sum, from, to)
}

// translateQuote replaces an address in the packet that an ICMP error quotes,
// mends the quoted checksums as far as they are quoted, and the error's own.
func (p *Packet) translateQuote(at int, from, to Addr) {
	quoted := p.quoted()
	if quoted == nil || addrAt(quoted, at) != from {
		return
	}
	outer := p.ip[p.l4+icmpSumAt:]
	if p.partial {
		outer = nil // summed by the receiver over what we leave here
	}
	binary.BigEndian.PutUint32(quoted[at:], uint32(to))
	adjust(outer, from, to)
	adjustQuoted(outer, quoted[checksumAt:], from, to)
	t := quotedTransport(quoted)
	switch {
	case quoted[9] == TCP && len(t) >= tcpChecksumAt+2:
		adjustQuoted(outer, t[tcpChecksumAt:], from, to)
	case quoted[9] == UDP && len(t) >= udpChecksumAt+2 && binary.BigEndian.Uint16(t[udpChecksumAt:]) != 0:
		adjustQuoted(outer, t[udpChecksumAt:], from, to)
	}
}

// adjustQuoted mends a checksum that is itself covered by outer.
func adjustQuoted(outer, sum []byte, from, to Addr) {
	before := binary.BigEndian.Uint16(sum)
	adjust(sum, from, to)
	after := binary.BigEndian.Uint16(sum)
	adjust(outer, Addr(before), Addr(after))
}

// adjust mends the Internet checksum at sum after from became to in the bytes
// that it covers: HC' = ~(~HC + ~m + m') (RFC 1624 equation 3). An empty sum
// is left alone.
func adjust(sum []byte, from, to Addr) {
	if len(sum) < 2 {
		return
	}
	hc := binary.BigEndian.Uint16(sum)
	binary.BigEndian.PutUint16(sum, ^fold(uint32(^hc)+difference(from, to)))
}

// difference is ~m + m' of the two halves of an address, not yet folded.
func difference(from, to Addr) uint32 {
	return uint32(^uint16(from>>16)) + uint32(^uint16(from)) + uint32(to>>16) + uint32(to&0xffff)
}

func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
