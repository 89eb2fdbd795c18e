package datagram

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ear is a socket on the loopback, and a way to it.
type ear struct {
	t      *testing.T
	socket *Socket
	at     netip.AddrPort
	mouth  *net.UDPConn
}

var loopback = netip.MustParseAddr("127.0.0.1")

func newEar(t *testing.T) *ear {
	conn := listen(t)
	e := &ear{t: t, at: conn.LocalAddr().(*net.UDPAddr).AddrPort(), mouth: listen(t)}
	var err error
	if e.socket, err = New(conn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.socket.Close() })
	return e
}

func listen(t *testing.T) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (e *ear) send(text string) {
	e.t.Helper()
	if _, err := e.mouth.WriteToUDPAddrPort([]byte(text), e.at); err != nil {
		e.t.Fatal(err)
	}
}

func (e *ear) drain() (all []string) {
	from := e.mouth.LocalAddr().(*net.UDPAddr).AddrPort()
	e.socket.Drain(make([]byte, 64), func(sender netip.AddrPort, datagram []byte) {
		if sender != from {
			e.t.Errorf("from %s, want %s", sender, from)
		}
		all = append(all, string(datagram))
	})
	return all
}

// Before a verdict on a silence all that waits is read, in order, and nothing is
// waited for.
func TestDrainReadsAllThatWaits(t *testing.T) {
	e := newEar(t)
	if all := e.drain(); len(all) != 0 {
		t.Fatalf("reads %q of nothing", all)
	}
	for _, text := range []string{"a", "", "b", "c"} { // an empty datagram is one too
		e.send(text)
	}
	if all := e.drain(); len(all) != 4 || all[0] != "a" || all[1] != "" || all[3] != "c" {
		t.Errorf("reads %q", all)
	}
	if all := e.drain(); len(all) != 0 {
		t.Errorf("reads %q twice", all)
	}
}

// Whoever floods the socket can't keep the loop from going on: a Drain ends, having
// read more than can have waited.
func TestDrainEndsInAFlood(t *testing.T) {
	e := newEar(t)
	e.send("flood")
	n := 0
	e.socket.Drain(make([]byte, 64), func(netip.AddrPort, []byte) {
		if n++; n > 10*most {
			t.Fatal("Drain doesn't end")
		}
		e.send("flood")
	})
	if n < most {
		t.Errorf("reads %d", n)
	}
	if all := e.drain(); len(all) == 0 {
		t.Error("what came meanwhile is lost")
	}
}

// Watch wakes the loop once for what waits, and again only after a Drain; also for
// what came before it began, and for what a Drain has left.
func TestWatchWakes(t *testing.T) {
	e := newEar(t)
	woken := make(chan bool, 100)
	wait := func(what string) {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(10 * time.Second):
			t.Fatal("isn't woken: ", what)
		}
	}
	e.send("a")
	e.socket.Watch(func() { woken <- true })
	wait("something waits already")
	e.send("b")
	if all := e.drain(); len(all) != 2 {
		t.Fatalf("reads %q", all)
	}
	if len(woken) != 0 {
		t.Error("is woken before a Drain")
	}
	e.send("c")
	wait("something new waits")
	e.drain()
}

// The ICMP answer to an earlier Send waits in the socket as an error. It hides
// nothing that waits behind it, and doesn't end Watch.
func TestAnEarlierErrorHidesNothing(t *testing.T) {
	e := newEar(t)
	err := e.socket.raw.Control(func(fd uintptr) { // or the kernel keeps such errors to itself, as it may for sockets without a peer
		if err := unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_RECVERR, 1); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	gone := listen(t)
	nobody := gone.LocalAddr().(*net.UDPAddr).AddrPort()
	gone.Close()
	e.socket.Send([]byte("to nobody"), nobody)
	e.send("a")
	if all := e.drain(); len(all) != 1 {
		t.Fatalf("reads %q behind an error", all)
	}
	woken := make(chan bool, 100)
	e.socket.Watch(func() { woken <- true })
	for range 3 {
		e.socket.Send([]byte("to nobody"), nobody)
		e.send("a")
		select {
		case <-woken:
		case <-time.After(10 * time.Second):
			t.Fatal("isn't woken")
		}
		if all := e.drain(); len(all) != 1 || all[0] != "a" {
			t.Fatalf("reads %q", all)
		}
	}
}

// Close ends Watch, whatever it waits for, and may come twice.
func TestCloseEndsWatch(t *testing.T) {
	for _, draining := range []bool{false, true} {
		e := newEar(t)
		before := runtime.NumGoroutine()
		woken := make(chan bool, 100)
		e.socket.Watch(func() { woken <- true })
		if draining { // it waits for a Drain
			e.send("a")
			<-woken
		}
		e.socket.Close()
		e.socket.Close()
		for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatal("Watch goes on")
			}
		}
		if all := e.drain(); len(all) != 0 || len(woken) != 0 {
			t.Errorf("after Close it reads %q, and wakes %d times", all, len(woken))
		}
	}
}
