package frame

import (
	"bytes"
	"testing"
)

// FuzzFrame: no frame makes the reader panic or touch bytes outside of it,
// translation there and back restores every packet whose checksums were right,
// and an answered ARP request is an ARP reply.
func FuzzFrame(f *testing.F) {
	src, dst := ip("10.102.1.10"), ip("203.0.113.10")
	for _, proto := range []uint8{TCP, UDP, ICMP} {
		f.Add([]byte(nil), ethernet(TypeIPv4, ipv4(proto, src, dst, segment(proto, src, dst, []byte("abc"), false))))
		f.Add(partialHeader(34, 16), ethernet(TypeIPv4, ipv4(proto, src, dst, segment(proto, src, dst, nil, true))))
	}
	quoted := ipv4(TCP, dst, src, segment(TCP, dst, src, nil, false))
	f.Add([]byte(nil), ethernet(TypeIPv4, ipv4(ICMP, src, dst, icmpError(icmpTimeExceeded, quoted))))
	f.Add([]byte(nil), ethernet(TypeARP, []byte{0, 1, 8, 0, 6, 4, 0, 1, 0, 1, 2, 3, 4, 5, 10, 0, 0, 4, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1}))
	f.Fuzz(func(t *testing.T, vnet, data []byte) {
		// Bytes behind the frame must stay as they are.
		room := append(append(make([]byte, 0, len(data)+4), data...), 1, 2, 3, 4)
		b := room[:len(data)]
		if q, ok := ParseARP(b); ok && q.Request {
			answer := AnswerARP(bytes.Clone(b), [6]byte{2})
			if a, ok := ParseARP(answer); !ok || a.Request || a.Sender != q.Target || a.Target != q.Sender {
				t.Errorf("answer to %+v is %+v, %v", q, a, ok)
			}
		}
		EtherType(b)
		p, ok := Parse(vnet, b)
		if !ok {
			return
		}
		if p.l4 > len(p.ip) || len(p.ip) > len(b)-HeaderLen {
			t.Fatalf("packet of %d bytes with header of %d in a frame of %d", len(p.ip), p.l4, len(b))
		}
		before, from := bytes.Clone(b), p.Src
		p.Quote()
		p.TranslateSrc(from + 0x01020304)
		p.TranslateSrc(from)
		if !bytes.Equal(room[len(data):], []byte{1, 2, 3, 4}) {
			t.Fatal("bytes behind the frame were changed")
		}
		if p.l4 == 20 && !p.Later && wasValid(vnet, before[HeaderLen:][:len(p.ip)], p.Proto) && !bytes.Equal(before, b) {
			t.Errorf("there and back:\n% x\n% x", before, b)
		}
	})
}

// wasValid is false for what has no unique way back: wrong checksums, and
// those that are zero in one of their two forms.
func wasValid(vnet, packet []byte, proto uint8) bool {
	if (proto != TCP && proto != UDP) || NeedsChecksum(vnet) || len(packet) < 40 {
		return false
	}
	for _, at := range []int{10, map[uint8]int{TCP: 36, UDP: 26}[proto]} {
		if v := int(packet[at])<<8 | int(packet[at+1]); v == 0 || v == 0xffff {
			return false
		}
	}
	return valid(nil, packet) == nil
}
