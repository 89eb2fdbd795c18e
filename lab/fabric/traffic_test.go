package fabric_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// patience bounds each wait; nothing is measured with it.
const patience = 10 * time.Second

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("never so: %s", what)
		}
	}
}

func send(t testing.TB, from *net.UDPConn, to, text string) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte(text), netip.MustParseAddrPort(to)); err != nil {
		t.Fatal(err)
	}
}

// receive is the next datagram and who it is from.
func receive(t testing.TB, conn *net.UDPConn) (text string, from netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 1<<16)
	conn.SetReadDeadline(time.Now().Add(patience))
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatalf("nothing received: %v", err)
	}
	return string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// passes sends a datagram and waits for it.
func passes(t testing.TB, from, to *net.UDPConn, dst string) {
	t.Helper()
	send(t, from, dst, "passes")
	if text, _ := receive(t, to); text != "passes" {
		t.Fatalf("%q came instead", text)
	}
}

// dropsOne waits until a counter of the site has grown over what send makes
// happen: the fabric has decided, nothing is under way any more. It may grow
// by more, as the guest's kernel has packets of its own to send.
func (s *site) dropsOne(name, reason string, send func()) {
	s.t.Helper()
	before := s.dropped(name, reason)
	send()
	eventually(s.t, fmt.Sprintf("%s drops one packet for %s; it has %v", name, reason, s.counters(name).Dropped),
		func() bool { return s.dropped(name, reason) > before })
}

// silent checks that nothing waits in a socket.
func silent(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	buf := make([]byte, 2048)
	if n, err := conn.Read(buf); err == nil {
		t.Errorf("%q was received", buf[:n])
	}
}

// pinger sends echo requests from one guest.
type pinger struct {
	t    testing.TB
	conn *icmp.PacketConn
	seq  int
}

func (g *guest) pinger() *pinger {
	g.t.Helper()
	p := &pinger{t: g.t}
	g.do(func() (err error) {
		p.conn, err = icmp.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	})
	g.t.Cleanup(func() { p.conn.Close() })
	return p
}

func (p *pinger) send(dst string) {
	p.t.Helper()
	p.seq++
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 4242, Seq: p.seq, Data: []byte("releve")}}
	b, err := m.Marshal(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.conn.WriteTo(b, &net.IPAddr{IP: net.ParseIP(dst)}); err != nil {
		p.t.Fatal(err)
	}
}

// rtt pings once and waits for the answer.
func (p *pinger) rtt(dst string) time.Duration {
	p.t.Helper()
	start := time.Now()
	p.send(dst)
	p.conn.SetReadDeadline(start.Add(patience))
	buf := make([]byte, 2048)
	for {
		n, _, err := p.conn.ReadFrom(buf)
		if err != nil {
			p.t.Fatalf("%s doesn't answer: %v", dst, err)
		}
		m, err := icmp.ParseMessage(1, buf[:n])
		if err != nil {
			p.t.Fatal(err)
		}
		if echo, ok := m.Body.(*icmp.Echo); ok && m.Type == ipv4.ICMPTypeEchoReply && echo.Seq == p.seq {
			return time.Since(start)
		}
	}
}

// stream sends numbered datagrams every millisecond while during runs, and
// returns how many were sent and which numbers arrived, in order of arrival.
func stream(t testing.TB, from, to *net.UDPConn, dst string, during func()) (sent int, got []uint64) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		var b [8]byte
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- n
				return
			case <-ticker.C:
			}
			binary.BigEndian.PutUint64(b[:], uint64(n))
			from.WriteToUDPAddrPort(b[:], netip.MustParseAddrPort(dst))
		}
	}()
	arrived := make(chan uint64, 1<<16)
	go func() {
		defer close(arrived)
		buf := make([]byte, 2048)
		for {
			if n, err := to.Read(buf); err != nil || n != 8 {
				return
			}
			arrived <- binary.BigEndian.Uint64(buf)
		}
	}()
	to.SetReadDeadline(time.Time{})
	during()
	close(stop)
	sent = <-done
	// What went through the one that was just left may come after what goes through the other.
	for patience := time.After(5 * time.Second); len(got) < sent && patience != nil; {
		select {
		case n := <-arrived:
			got = append(got, n)
		case <-patience:
			patience = nil
		}
	}
	send(t, from, dst, "end")
	for n := range arrived {
		got = append(got, n)
	}
	return sent, got
}
