package frame

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

func ip(text string) Addr { return FromNetip(netip.MustParseAddr(text)) }

// sum is the Internet checksum's sum as RFC 1071 defines it, written down
// apart from the code under test.
func sum(seed uint32, b []byte) uint16 {
	s := uint64(seed)
	for i := 0; i+1 < len(b); i += 2 {
		s += uint64(b[i])<<8 | uint64(b[i+1])
	}
	if len(b)%2 == 1 {
		s += uint64(b[len(b)-1]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

func pseudo(proto uint8, src, dst Addr, length int) uint16 {
	var b [12]byte
	binary.BigEndian.PutUint32(b[0:], uint32(src))
	binary.BigEndian.PutUint32(b[4:], uint32(dst))
	b[9] = proto
	binary.BigEndian.PutUint16(b[10:], uint16(length))
	return sum(0, b[:])
}

// ipv4 is a packet around a transport segment, with a right header checksum.
func ipv4(proto uint8, src, dst Addr, segment []byte) []byte {
	b := make([]byte, 20, 20+len(segment))
	b[0], b[8], b[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(segment)))
	binary.BigEndian.PutUint32(b[12:], uint32(src))
	binary.BigEndian.PutUint32(b[16:], uint32(dst))
	binary.BigEndian.PutUint16(b[10:], ^sum(0, b))
	return append(b, segment...)
}

// segment is a transport header with payload; its checksum is right, or only
// begun if partial.
func segment(proto uint8, src, dst Addr, payload []byte, partial bool) []byte {
	var b []byte
	at := 0
	switch proto {
	case TCP:
		b, at = append(make([]byte, 20), payload...), 16
		b[12] = 5 << 4
	case UDP:
		b, at = append(make([]byte, 8), payload...), 6
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	case ICMP:
		b = append(make([]byte, 8), payload...)
		b[0] = icmpEcho
		binary.BigEndian.PutUint16(b[4:], 77)
		binary.BigEndian.PutUint16(b[2:], ^sum(0, b))
		return b
	}
	binary.BigEndian.PutUint16(b[0:], 4711)
	binary.BigEndian.PutUint16(b[2:], 80)
	p := pseudo(proto, src, dst, len(b))
	if partial {
		binary.BigEndian.PutUint16(b[at:], p)
		return b
	}
	c := ^sum(uint32(p), b)
	if proto == UDP && c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(b[at:], c)
	return b
}

func ethernet(etherType uint16, body []byte) []byte {
	b := make([]byte, HeaderLen, HeaderLen+len(body))
	binary.BigEndian.PutUint16(b[12:], etherType)
	return append(b, body...)
}

// partialHeader is the virtio-net header of an unfinished checksum.
func partialHeader(start, offset int) []byte {
	h := make([]byte, VNetHeaderLen)
	h[0] = flagNeedsChecksum
	binary.NativeEndian.PutUint16(h[6:], uint16(start))
	binary.NativeEndian.PutUint16(h[8:], uint16(offset))
	return h
}

// valid says what is wrong with the checksums of an IPv4 packet, as a
// receiver would find it.
func valid(vnet, packet []byte) error {
	if s := sum(0, packet[:20]); s != 0xffff {
		return fmt.Errorf("header checksum: sum is %#x", s)
	}
	proto, seg := packet[9], packet[20:]
	seed := uint32(0)
	if proto != ICMP {
		seed = uint32(pseudo(proto, addrAt(packet, 12), addrAt(packet, 16), len(seg)))
	}
	if NeedsChecksum(vnet) {
		// Finish it as the receiver does, then look at it like any other.
		seg = append([]byte(nil), seg...)
		at := int(binary.NativeEndian.Uint16(vnet[8:]))
		binary.BigEndian.PutUint16(seg[at:], ^sum(0, seg))
	} else if proto == UDP && seg[6] == 0 && seg[7] == 0 {
		return nil
	}
	if s := sum(seed, seg); s != 0xffff {
		return fmt.Errorf("transport checksum of protocol %d: sum is %#x", proto, s)
	}
	return nil
}

func TestTranslateKeepsChecksumsRight(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	src, dst := ip("10.102.1.10"), ip("203.0.113.10")
	for _, tc := range []struct {
		proto   uint8
		partial bool
	}{{TCP, false}, {TCP, true}, {UDP, false}, {UDP, true}, {ICMP, false}} {
		for range 2000 {
			payload := make([]byte, rng.IntN(40))
			for i := range payload {
				payload[i] = byte(rng.Uint32())
			}
			var vnet []byte
			if tc.partial {
				vnet = partialHeader(HeaderLen+20, map[uint8]int{TCP: 16, UDP: 6}[tc.proto])
			}
			f := ethernet(TypeIPv4, ipv4(tc.proto, src, dst, segment(tc.proto, src, dst, payload, tc.partial)))
			if err := valid(vnet, f[HeaderLen:]); err != nil {
				t.Fatalf("the test's own packet: %v", err)
			}
			p, ok := Parse(vnet, f)
			if !ok {
				t.Fatal("packet not parsed")
			}
			newSrc, newDst := Addr(rng.Uint32()), Addr(rng.Uint32())
			p.TranslateSrc(newSrc)
			p.TranslateDst(newDst)
			if got, _ := Parse(vnet, f); got.Src != newSrc || got.Dst != newDst || p.Src != newSrc || p.Dst != newDst {
				t.Fatalf("addresses are %v -> %v", got.Src.Netip(), got.Dst.Netip())
			}
			if err := valid(vnet, f[HeaderLen:]); err != nil {
				t.Fatalf("protocol %d, partial %v, %v -> %v: %v", tc.proto, tc.partial, newSrc.Netip(), newDst.Netip(), err)
			}
		}
	}
}

// A checksum of zero means none in UDP (RFC 768): none stays none, and one
// that comes out as zero is sent as its other form.
func TestTranslateUDPZeroChecksum(t *testing.T) {
	src, dst := ip("10.0.0.1"), ip("10.0.0.2")
	f := ethernet(TypeIPv4, ipv4(UDP, src, dst, segment(UDP, src, dst, []byte("x"), false)))
	none := f[HeaderLen+20+6:][:2]
	none[0], none[1] = 0, 0
	p, _ := Parse(nil, f)
	p.TranslateSrc(ip("192.0.2.1"))
	if none[0] != 0 || none[1] != 0 {
		t.Errorf("a packet without checksum got %x", none)
	}

	// A payload that makes the checksum 0xffff for the translated source.
	seg := segment(UDP, ip("192.0.2.1"), dst, []byte{0, 0}, false)
	c := binary.BigEndian.Uint16(seg[6:])
	seg = segment(UDP, src, dst, []byte{byte(c >> 8), byte(c)}, false)
	f = ethernet(TypeIPv4, ipv4(UDP, src, dst, seg))
	p, _ = Parse(nil, f)
	p.TranslateSrc(ip("192.0.2.1"))
	if got := binary.BigEndian.Uint16(f[HeaderLen+20+6:]); got != 0xffff {
		t.Errorf("checksum is %#x, want 0xffff", got)
	}
}

func TestTranslateQuotedPacket(t *testing.T) {
	private, public, far := ip("10.102.1.10"), ip("203.0.113.100"), ip("203.0.113.10")
	router := ip("198.51.100.1")
	for _, proto := range []uint8{TCP, UDP, ICMP} {
		quoted := ipv4(proto, public, far, segment(proto, public, far, []byte("payload"), false))
		f := ethernet(TypeIPv4, ipv4(ICMP, router, public, icmpError(icmpUnreachable, quoted)))
		p, _ := Parse(nil, f)
		p.TranslateDst(private)
		if err := valid(nil, f[HeaderLen:]); err != nil {
			t.Errorf("error about protocol %d: %v", proto, err)
		}
		inner := f[HeaderLen+20+8:]
		if err := valid(nil, inner); err != nil {
			t.Errorf("quoted packet of protocol %d: %v", proto, err)
		}
		q, ok := p.Quote()
		if !ok || q.Src != private || q.Dst != far {
			t.Errorf("quote is %v -> %v (%v)", q.Src.Netip(), q.Dst.Netip(), ok)
		}
	}

	// The way out: an error of the VM about a packet that it got.
	quoted := ipv4(UDP, far, private, segment(UDP, far, private, nil, false))
	f := ethernet(TypeIPv4, ipv4(ICMP, private, far, icmpError(icmpUnreachable, quoted)))
	p, _ := Parse(nil, f)
	p.TranslateSrc(public)
	if q, _ := p.Quote(); q.Dst != public {
		t.Errorf("quoted destination is %v", q.Dst.Netip())
	}
	if err := valid(nil, f[HeaderLen:]); err != nil {
		t.Error(err)
	}
}

func icmpError(kind byte, quoted []byte) []byte {
	b := append(make([]byte, 8), quoted...)
	b[0] = kind
	binary.BigEndian.PutUint16(b[2:], ^sum(0, b))
	return b
}

func TestParse(t *testing.T) {
	src, dst := ip("10.0.0.1"), ip("10.0.0.2")
	udp := ipv4(UDP, src, dst, segment(UDP, src, dst, []byte("hello"), false))
	edit := func(change func([]byte)) []byte {
		b := append([]byte(nil), udp...)
		change(b)
		return b
	}
	for _, tc := range []struct {
		name   string
		packet []byte
		ok     bool
		check  func(Packet) bool
	}{
		{"udp", udp, true, func(p Packet) bool { return p.SrcPort == 4711 && p.DstPort == 80 && p.HasPorts }},
		{"padded", append(udp, 0, 0, 0), true, func(p Packet) bool { return len(p.ip) == len(udp) }},
		{"version 6", edit(func(b []byte) { b[0] = 0x65 }), false, nil},
		{"header of 16 bytes", edit(func(b []byte) { b[0] = 0x44 }), false, nil},
		{"longer than the frame", edit(func(b []byte) { b[3]++ }), false, nil},
		{"shorter than its header", edit(func(b []byte) { b[2], b[3] = 0, 19 }), false, nil},
		{"no room for the UDP header", edit(func(b []byte) { b[3] = 27 }), false, nil},
		{"options beyond the end", edit(func(b []byte) { b[0] = 0x4f }), false, nil},
		{"first fragment", edit(func(b []byte) { b[6] = 0x20 }), true, func(p Packet) bool { return p.First && p.HasPorts }},
		{"later fragment", edit(func(b []byte) { b[7] = 1 }), true, func(p Packet) bool { return p.Later && !p.HasPorts }},
		{"echo", ipv4(ICMP, src, dst, segment(ICMP, src, dst, nil, false)), true,
			func(p Packet) bool { return p.SrcPort == 77 && p.DstPort == 77 && p.HasPorts }},
		{"short tcp", ipv4(TCP, src, dst, make([]byte, 19)), false, nil},
		{"esp", ipv4(50, src, dst, nil), true, func(p Packet) bool { return p.Proto == 50 && !p.HasPorts }},
		{"empty", nil, false, nil},
	} {
		p, ok := Parse(nil, ethernet(TypeIPv4, tc.packet))
		if ok != tc.ok || ok && (p.Src != src || p.Dst != dst || !tc.check(p)) {
			t.Errorf("%s: parsed %v as %+v", tc.name, ok, p)
		}
	}
}

func TestARP(t *testing.T) {
	asker := [6]byte{0, 0x0d, 0x3a, 1, 2, 3}
	request := ethernet(TypeARP, []byte{
		0, 1, 8, 0, 6, 4, 0, 1,
		0, 0x0d, 0x3a, 1, 2, 3, 10, 0, 0, 4,
		0, 0, 0, 0, 0, 0, 10, 0, 0, 1,
		0, 0, // padding
	})
	q, ok := ParseARP(request)
	if !ok || !q.Request || q.Gratuitous() || q.Target != ip("10.0.0.1") || q.Sender != ip("10.0.0.4") {
		t.Fatalf("request read as %+v, %v", q, ok)
	}
	mac := [6]byte{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}
	answer := AnswerARP(request, mac)
	a, ok := ParseARP(answer)
	if !ok || a.Request || a.Sender != ip("10.0.0.1") || a.Target != ip("10.0.0.4") || !a.Gratuitous() {
		t.Errorf("answer reads as %+v, %v", a, ok)
	}
	if [6]byte(answer) != asker || [6]byte(answer[6:]) != mac || [6]byte(answer[22:]) != mac || [6]byte(answer[32:]) != asker {
		t.Errorf("MACs of the answer: % x", answer)
	}
	for name, spoil := range map[string]func([]byte){
		"hardware":  func(b []byte) { b[15] = 2 },
		"protocol":  func(b []byte) { b[16] = 9 },
		"length":    func(b []byte) { b[18] = 8 },
		"operation": func(b []byte) { b[21] = 3 },
	} {
		b := append([]byte(nil), request...)
		spoil(b)
		if _, ok := ParseARP(b); ok {
			t.Errorf("a foreign %s was taken for ARP", name)
		}
	}
	if _, ok := ParseARP(request[:41]); ok {
		t.Error("a truncated message was taken for ARP")
	}
}

func TestGratuitous(t *testing.T) {
	for _, tc := range []struct {
		arp  ARP
		want bool
	}{
		{ARP{Request: true, Sender: 1, Target: 2}, false},
		{ARP{Request: true, Sender: 0, Target: 2}, false}, // a probe (RFC 5227)
		{ARP{Request: true, Sender: 2, Target: 2}, true},
		{ARP{Request: false, Sender: 2, Target: 1}, true},
	} {
		if got := tc.arp.Gratuitous(); got != tc.want {
			t.Errorf("%+v: %v", tc.arp, got)
		}
	}
}
