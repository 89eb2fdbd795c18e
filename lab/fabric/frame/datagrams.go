package frame

import (
	"encoding/binary"
	"iter"
)

// Fields of the virtio-net header that tell of datagrams sent as one.
const (
	gsoTypeAt        = 1
	gsoSizeAt        = 4
	checksumOffsetAt = 8
	gsoUDP           = 5 // VIRTIO_NET_HDR_GSO_UDP_L4
)

const (
	udpLen  = 8
	ipv6Len = 40
)

// batch is a frame that carries the UDP datagrams of one send (UDP_SEGMENT) or
// one receipt (UDP_GRO) under one header: all of size bytes, the last may have
// less. Who needs them apart cuts them.
type batch struct {
	head, size, payload int // bytes: of all headers from the Ethernet's on, of a datagram, of all datagrams
}

// readBatch reads buf, a frame with its virtio-net header in front. It reports
// false for all that isn't several datagrams, frames that lie about it included:
// the kernel refuses those.
func readBatch(buf []byte) (b batch, ok bool) {
	if len(buf) < VNetHeaderLen+HeaderLen || buf[gsoTypeAt] != gsoUDP || !NeedsChecksum(buf) {
		return b, false
	}
	eth := buf[VNetHeaderLen:]
	udp := checksumStart(buf)
	b.head, b.size = udp+udpLen, int(binary.NativeEndian.Uint16(buf[gsoSizeAt:]))
	b.payload = len(eth) - b.head
	if b.size == 0 || b.payload <= b.size || binary.NativeEndian.Uint16(buf[checksumOffsetAt:]) != udpChecksumAt {
		return b, false
	}
	at, whole := udpAt(eth)
	return b, whole && udp == at
}

// udpAt is where the UDP header of a packet is, and whether it is a whole UDP
// packet. The kernel makes no batch of those with IPv6 extension headers.
func udpAt(eth []byte) (at int, whole bool) {
	ip := eth[HeaderLen:]
	switch {
	case EtherType(eth) == TypeIPv4 && len(ip) >= 20:
		head := int(ip[0]&0xf) * 4
		return HeaderLen + head, ip[0]>>4 == 4 && head >= 20 && ip[9] == UDP &&
			int(binary.BigEndian.Uint16(ip[2:])) == len(ip) && binary.BigEndian.Uint16(ip[6:])&0x3fff == 0
	case EtherType(eth) == TypeIPv6 && len(ip) >= ipv6Len:
		return HeaderLen + ipv6Len, ip[6] == UDP && int(binary.BigEndian.Uint16(ip[4:]))+ipv6Len == len(ip)
	}
	return 0, false
}

func (b batch) packets() int { return (b.payload + b.size - 1) / b.size }

// Count is how many packets a frame, its virtio-net header in front, is on the
// wire, and how many bytes they have with their Ethernet headers. A TCP segment
// counts as one, be it left to be cut or not.
func Count(buf []byte) (packets, bytes int) {
	b, ok := readBatch(buf)
	if !ok {
		return 1, max(len(buf)-VNetHeaderLen, 0)
	}
	return b.packets(), b.packets()*b.head + b.payload
}

// Packets are the packets that a frame is on the wire, each a frame with a
// virtio-net header of its own: UDP datagrams that cross as one are cut apart
// as the kernel does it, all else is left as it is. A frame is good until the
// next.
func Packets(buf []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b, ok := readBatch(buf)
		if !ok {
			yield(buf)
			return
		}
		one := make([]byte, VNetHeaderLen+b.head+b.size)
		for i := range b.packets() {
			if !yield(b.cut(buf, i, one)) {
				return
			}
		}
	}
}

// cut writes the i-th datagram to one.
func (b batch) cut(buf []byte, i int, one []byte) []byte {
	headers := VNetHeaderLen + b.head
	copy(one, buf[:headers])
	one = one[:headers+copy(one[headers:], buf[headers+i*b.size:])]
	clear(one[gsoTypeAt : gsoSizeAt+2]) // no type, header length and size: it is whole
	ip, udp := one[VNetHeaderLen+HeaderLen:], one[headers-udpLen:]
	if EtherType(one[VNetHeaderLen:]) == TypeIPv4 {
		replace16(ip[checksumAt:], ip[2:], uint16(len(ip)))
		replace16(ip[checksumAt:], ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(i))
	} else {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-ipv6Len))
	}
	// The checksum is begun: the pseudo-header's sum, which holds the length.
	begun := udp[udpChecksumAt:]
	before := binary.BigEndian.Uint16(udp[4:])
	sum := uint32(binary.BigEndian.Uint16(begun)) + uint32(^before) + uint32(len(udp))
	binary.BigEndian.PutUint16(begun, fold(sum))
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	return one
}

// replace16 writes a field that the finished checksum at sum covers.
func replace16(sum, field []byte, to uint16) {
	from := binary.BigEndian.Uint16(field)
	binary.BigEndian.PutUint16(field, to)
	adjust(sum, Addr(from), Addr(to))
}
