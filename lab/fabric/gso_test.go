package fabric_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"releve.dev/releve/lab/fabric"
)

// udpOption sets an option of a UDP socket: UDP_SEGMENT, UDP_GRO.
func udpOption(t testing.TB, conn *net.UDPConn, option, value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, option, value) }))
	must(t, err)
}

// cutsUDP reports whether the kernel leaves the cutting of UDP to a TAP.
func cutsUDP(t testing.TB) bool {
	t.Helper()
	var name unix.Utsname
	must(t, unix.Uname(&name))
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	must(t, err)
	return major > 6 || major == 6 && minor >= 2
}

// receiver takes datagrams, with UDP_GRO several at a time.
type receiver struct {
	conn  *net.UDPConn
	reads int
}

// take receives datagrams until it has so many bytes or, if that is 0, until the
// one that says "end".
func (r *receiver) take(t testing.TB, size int) (list [][]byte) {
	t.Helper()
	buf, oob := make([]byte, 1<<16), make([]byte, 64)
	r.conn.SetReadDeadline(time.Now().Add(patience))
	for got := 0; size == 0 || got < size; {
		n, oobn, _, _, err := r.conn.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			t.Fatalf("%d of %d bytes came: %v", got, size, err)
		}
		if size == 0 && string(buf[:n]) == "end" {
			return list
		}
		r.reads++
		got += n
		each := groSize(t, oob[:oobn])
		if each == 0 {
			each = n
		}
		list = slices.AppendSeq(list, slices.Chunk(bytes.Clone(buf[:n]), each))
	}
	return list
}

// groSize is the length of each of the datagrams that a read gave, 0 if it was
// one.
func groSize(t testing.TB, oob []byte) int {
	t.Helper()
	messages, err := unix.ParseSocketControlMessage(oob)
	must(t, err)
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_GRO {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// Datagrams of one send (UDP_SEGMENT) arrive as they are, in order, the last one
// shorter: through an appliance that forwards them, through the translation of
// public addresses out and in, at a receiver that takes them one by one and at
// one that takes many at once (UDP_GRO). Those show that they crossed whole.
func TestDatagramsOfOneSend(t *testing.T) {
	s := newSite(t)
	for _, way := range []struct{ name, from, bind, to, listen, dst string }{
		{"through an appliance", "client", "10.102.4.4:0", "server", "10.102.5.5:7000", "10.102.5.5:7000"},
		{"to the Internet", "primary", "10.102.1.10:0", "internet", internetHost + ":7000", internetHost + ":7000"},
		{"from the Internet", "internet", internetHost + ":0", "primary", "10.102.1.10:7000", primaryPublic + ":7000"},
	} {
		for _, gro := range []bool{false, true} {
			from, to := s.guests[way.from].udp(way.bind), s.guests[way.to].udp(way.listen)
			passes(t, from, to, way.dst) // neighbours are resolved
			if gro {
				udpOption(t, to, unix.UDP_GRO, 1)
			}
			for _, tc := range []struct{ size, last, n int }{{1000, 300, 21}, {1472, 1472, 30}, {1, 1, 3}, {1400, 1, 2}} {
				udpOption(t, from, unix.UDP_SEGMENT, tc.size)
				sent := randomBytes(tc.size*(tc.n-1) + tc.last)
				send(t, from, way.dst, string(sent))
				r := receiver{conn: to}
				list := r.take(t, len(sent))
				for i, body := range list {
					want := tc.size
					if i == tc.n-1 {
						want = tc.last
					}
					if len(body) != want {
						t.Errorf("%s, GRO %v, %+v: datagram %d has %d bytes", way.name, gro, tc, i, len(body))
					}
				}
				if len(list) != tc.n || !bytes.Equal(bytes.Join(list, nil), sent) {
					t.Errorf("%s, GRO %v, %+v: %d datagrams, not as they were", way.name, gro, tc, len(list))
				}
				if gro && cutsUDP(t) && r.reads != 1 {
					t.Errorf("%s, %+v: %d datagrams came in %d reads: they were cut on the way", way.name, tc, tc.n, r.reads)
				}
			}
			from.Close()
			to.Close()
		}
	}
	if o := s.Stats().Overload; o != 0 {
		t.Errorf("the lab lost %d packets itself", o)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(uint32(i+n) * 2654435761 >> 24)
	}
	return b
}

// A loss hits the datagrams of one send one by one; those that arrive are in
// order and as they were, and each of the others is counted.
func TestLossAmongDatagramsOfOneSend(t *testing.T) {
	s := newSite(t)
	s.guests["primary"].route("wan", "0.0.0.0/0", "10.102.1.1")
	from, to := s.guests["primary"].udp("10.102.1.10:0"), s.guests["internet"].udp(internetHost+":7000")
	dst := internetHost + ":7000"
	passes(t, from, to, dst)
	udpOption(t, to, unix.UDP_GRO, 1)
	const size, each, batches = 500, 40, 25
	arrived, broken := 0, 0
	for b := range batches {
		udpOption(t, from, unix.UDP_SEGMENT, size)
		sent := randomBytes(size * each)
		for i := range each {
			binary.BigEndian.PutUint32(sent[i*size:], uint32(b*each+i))
		}
		must(t, s.Loss(0.5))
		before := s.dropped(primaryWAN, "fault-loss")
		send(t, from, dst, string(sent))
		eventually(t, "some are lost", func() bool { return s.dropped(primaryWAN, "fault-loss") > before })
		must(t, s.Loss(0)) // not for the rest of the send: it is judged by one view
		udpOption(t, from, unix.UDP_SEGMENT, 0)
		send(t, from, dst, "end")
		list := (&receiver{conn: to}).take(t, 0)
		last := b*each - 1
		for _, body := range list {
			n := int(binary.BigEndian.Uint32(body))
			if n <= last || n >= (b+1)*each || !bytes.Equal(body, sent[(n%each)*size:][:size]) {
				t.Fatalf("datagram %d of %d bytes came after %d", n, len(body), last)
			}
			last = n
		}
		arrived += len(list)
		if len(list) > 0 && len(list) < each {
			broken++
		}
	}
	if lost := int(s.dropped(primaryWAN, "fault-loss")); arrived+lost != batches*each || cutsUDP(t) && broken != batches {
		t.Errorf("of %d datagrams %d came and %d were lost; %d of %d sends came in part", batches*each, arrived, lost, broken, batches)
	}
}

// What crosses whole is counted as the packets that it is, and its TTL is
// untouched.
func TestCountsAndTTLOfOneSend(t *testing.T) {
	s := newSite(t)
	client, lan := s.guests["client"].udp("10.102.4.4:7001"), s.guests["primary"].udp("10.102.2.10:7000")
	passes(t, client, lan, "10.102.2.10:7000")
	seen := s.guests["primary"].raw("lan")
	sent, received := s.counters(clientNIC).FromGuest, s.counters(primaryLAN).ToGuest
	udpOption(t, client, unix.UDP_SEGMENT, 1000)
	send(t, client, "10.102.2.10:7000", string(randomBytes(9500)))
	f := seen.next(func(f []byte) bool { return f[12] == 8 && f[13] == 0 && f[23] == 17 })
	if f[22] != 64 {
		t.Errorf("TTL is %d", f[22])
	}
	if cutsUDP(t) && len(f) <= 1514 {
		t.Errorf("a frame of %d bytes: it was cut on the way", len(f))
	}
	// Neighbours may be asked for once more meanwhile.
	counted := func(before, now fabric.Traffic) bool {
		packets, bytes := now.Packets-before.Packets, now.Bytes-before.Bytes
		return packets >= 10 && packets < 20 && bytes >= 9500+10*42 && bytes < 9500+20*42
	}
	eventually(t, "ten packets have been counted at both ends", func() bool {
		return counted(sent, s.counters(clientNIC).FromGuest) && counted(received, s.counters(primaryLAN).ToGuest)
	})
}
