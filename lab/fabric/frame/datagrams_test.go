package frame

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// sentAsOne is a frame as the kernel hands over datagrams of one send: headers
// of the whole, a checksum that is begun.
func sentAsOne(src, dst Addr, size int, payload []byte) []byte {
	buf := batchHeader(HeaderLen+20, size)
	packet := ipv4(UDP, src, dst, segment(UDP, src, dst, payload, true))
	replace16(packet[checksumAt:], packet[4:], 0xfffe) // an identification that overflows
	return append(buf, ethernet(TypeIPv4, packet)...)
}

func batchHeader(udp, size int) []byte {
	buf := partialHeader(udp, udpChecksumAt)
	buf[gsoTypeAt] = gsoUDP
	binary.NativeEndian.PutUint16(buf[2:], uint16(udp+udpLen))
	binary.NativeEndian.PutUint16(buf[gsoSizeAt:], uint16(size))
	return buf
}

func numbered(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 2)
	}
	return b
}

func pieces(buf []byte) (list [][]byte) {
	for one := range Packets(buf) {
		list = append(list, bytes.Clone(one))
	}
	return list
}

// Datagrams of one send are cut into packets that are right by themselves, also
// after a translation of the whole: lengths, checksums, identification, and the
// payload in order, the last one shorter.
func TestPacketsOfOneSend(t *testing.T) {
	src, public, dst := ip("10.102.1.10"), ip("203.0.113.100"), ip("203.0.113.10")
	for _, tc := range []struct {
		size, payload int
		want          []int
	}{
		{1000, 2500, []int{1000, 1000, 500}},
		{1000, 2000, []int{1000, 1000}},
		{1472, 1473, []int{1472, 1}},
		{1, 3, []int{1, 1, 1}},
	} {
		payload := numbered(tc.payload)
		buf := sentAsOne(src, dst, tc.size, payload)
		p, ok := Parse(buf, buf[VNetHeaderLen:])
		if !ok {
			t.Fatal("not parsed")
		}
		p.TranslateSrc(public)
		var sizes []int
		var joined []byte
		bytesOnWire := 0
		for i, one := range pieces(buf) {
			vnet, packet := one[:VNetHeaderLen], one[VNetHeaderLen+HeaderLen:]
			if err := valid(vnet, packet); err != nil {
				t.Errorf("packet %d of %+v: %v", i, tc, err)
			}
			if vnet[gsoTypeAt] != 0 || vnet[gsoSizeAt] != 0 || vnet[gsoSizeAt+1] != 0 || !NeedsChecksum(vnet) {
				t.Errorf("virtio-net header is % x", vnet)
			}
			q, ok := Parse(vnet, one[VNetHeaderLen:])
			if !ok || q.Src != public || q.Dst != dst || q.SrcPort != 4711 || q.DstPort != 80 || q.ID != 0xfffe+uint16(i) || packet[8] != 64 {
				t.Errorf("packet %d of %+v: %v, from %v:%d to %v:%d, identification %#x", i, tc, ok, q.Src.Netip(), q.SrcPort, q.Dst.Netip(), q.DstPort, q.ID)
			}
			if length := int(binary.BigEndian.Uint16(packet[24:])); length != len(packet)-20 {
				t.Errorf("UDP length %d in %d bytes", length, len(packet)-20)
			}
			sizes = append(sizes, len(packet)-28)
			joined = append(joined, packet[28:]...)
			bytesOnWire += len(one) - VNetHeaderLen
		}
		if !slices.Equal(sizes, tc.want) || !bytes.Equal(joined, payload) {
			t.Errorf("%+v was cut into %v", tc, sizes)
		}
		if packets, bytes := Count(buf); packets != len(tc.want) || bytes != bytesOnWire {
			t.Errorf("%d packets of %d bytes are counted as %d of %d", len(tc.want), bytesOnWire, packets, bytes)
		}
	}
}

// The same for IPv6, which the fabric doesn't carry but captures.
func TestPacketsOfOneSendIPv6(t *testing.T) {
	payload := numbered(2100)
	packet := make([]byte, ipv6Len+udpLen, 3000)
	packet[0], packet[6] = 0x60, UDP
	packet = append(packet, payload...)
	whole := len(packet) - ipv6Len
	binary.BigEndian.PutUint16(packet[4:], uint16(whole))
	binary.BigEndian.PutUint16(packet[ipv6Len+4:], uint16(whole))
	binary.BigEndian.PutUint16(packet[ipv6Len+6:], sum(UDP, binary.BigEndian.AppendUint16(nil, uint16(whole))))
	list := pieces(append(batchHeader(HeaderLen+ipv6Len, 1000), ethernet(TypeIPv6, packet)...))
	if len(list) != 3 {
		t.Fatalf("%d packets", len(list))
	}
	var joined []byte
	for _, one := range list {
		packet := one[VNetHeaderLen+HeaderLen:]
		length := len(packet) - ipv6Len
		for at, want := range map[int]int{
			4: length, ipv6Len + 4: length, ipv6Len + 6: UDP + length, // the addresses are zero
		} {
			if got := int(binary.BigEndian.Uint16(packet[at:])); got != want {
				t.Errorf("%d at %d of a packet, want %d", got, at, want)
			}
		}
		joined = append(joined, packet[ipv6Len+udpLen:]...)
	}
	if !bytes.Equal(joined, payload) {
		t.Error("the payload isn't what it was")
	}
}

// What isn't several datagrams, or lies about it, is one packet and left alone.
func TestPacketsOfAllElse(t *testing.T) {
	src, dst := ip("10.102.1.10"), ip("203.0.113.10")
	spoilt := func(change func([]byte)) []byte {
		buf := sentAsOne(src, dst, 1000, numbered(2500))
		change(buf)
		return buf
	}
	eth := VNetHeaderLen + HeaderLen
	for name, buf := range map[string][]byte{
		"empty":               {},
		"header alone":        batchHeader(34, 1000),
		"one datagram":        sentAsOne(src, dst, 1000, numbered(1000)),
		"TCP":                 append(partialHeader(34, 16), ethernet(TypeIPv4, ipv4(TCP, src, dst, segment(TCP, src, dst, numbered(2500), true)))...),
		"TCP to be cut":       spoilt(func(b []byte) { b[gsoTypeAt] = 1 }),
		"protocol TCP":        spoilt(func(b []byte) { b[eth+9] = TCP }),
		"size 0":              spoilt(func(b []byte) { b[gsoSizeAt], b[gsoSizeAt+1] = 0, 0 }),
		"finished checksum":   spoilt(func(b []byte) { b[0] = 0 }),
		"other checksum":      spoilt(func(b []byte) { b[checksumOffsetAt] = 16 }),
		"header elsewhere":    spoilt(func(b []byte) { b[checksumStartAt]++ }),
		"header beyond":       spoilt(func(b []byte) { b[checksumStartAt], b[checksumStartAt+1] = 0xff, 0xff }),
		"header at 0":         spoilt(func(b []byte) { b[checksumStartAt], b[eth-1] = 0, b[eth-1]+1 }),
		"short IP header":     spoilt(func(b []byte) { b[eth], b[checksumStartAt] = 0x44, HeaderLen+16 }),
		"another EtherType":   spoilt(func(b []byte) { b[eth-1]++ }),
		"another version":     spoilt(func(b []byte) { b[eth] = 0x65 }),
		"total length":        spoilt(func(b []byte) { b[eth+3]++ }),
		"a fragment":          spoilt(func(b []byte) { b[eth+6] = 0x20 }),
		"IPv4 in IPv6's name": spoilt(func(b []byte) { copy(b[eth-2:], []byte{0x86, 0xdd}) }),
	} {
		before := bytes.Clone(buf)
		if list := pieces(buf); len(list) != 1 || !bytes.Equal(list[0], before) {
			t.Errorf("%s: %d packets", name, len(list))
		}
		if packets, n := Count(buf); packets != 1 || n != max(len(buf)-VNetHeaderLen, 0) {
			t.Errorf("%s: counted as %d packets of %d bytes", name, packets, n)
		}
	}
}

// Who has enough of the packets gets no more.
func TestPacketsUntilEnough(t *testing.T) {
	got := 0
	for range Packets(sentAsOne(ip("10.102.1.10"), ip("203.0.113.10"), 10, numbered(100))) {
		if got++; got == 3 {
			break
		}
	}
	if got != 3 {
		t.Errorf("%d packets", got)
	}
}

// FuzzPackets: no frame makes the cutter panic or change it, what it counts is
// what it cuts, and no payload is lost.
func FuzzPackets(f *testing.F) {
	f.Add(sentAsOne(ip("10.102.1.10"), ip("203.0.113.10"), 1000, numbered(2500)))
	f.Add(sentAsOne(ip("10.102.1.10"), ip("203.0.113.10"), 7, numbered(70)))
	f.Add(batchHeader(HeaderLen+ipv6Len, 3))
	f.Fuzz(func(t *testing.T, buf []byte) {
		before := bytes.Clone(buf)
		packets, n := Count(buf)
		list := pieces(buf)
		if !bytes.Equal(buf, before) {
			t.Fatal("the frame was changed")
		}
		if len(list) != packets {
			t.Fatalf("%d packets are counted as %d", len(list), packets)
		}
		sum := 0
		for _, one := range list {
			sum += max(len(one)-VNetHeaderLen, 0)
		}
		if sum != n {
			t.Errorf("%d bytes are counted as %d", sum, n)
		}
		if packets == 1 {
			return
		}
		b, _ := readBatch(buf)
		var joined []byte
		for _, one := range list {
			joined = append(joined, one[VNetHeaderLen+b.head:]...)
		}
		if !bytes.Equal(joined, buf[VNetHeaderLen+b.head:]) {
			t.Error("the payload isn't what it was")
		}
	})
}
