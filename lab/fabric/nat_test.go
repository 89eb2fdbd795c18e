package fabric_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// tcp is a connection from one guest to another guest's listener, seen from
// both ends; with dst "" to the listener's own address.
func tcp(t testing.TB, from, to *guest, listen, dst string) (near, far *net.TCPConn) {
	t.Helper()
	var l *net.TCPListener
	to.do(func() (err error) {
		l, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(listen)))
		return err
	})
	defer l.Close()
	if dst == "" {
		dst = l.Addr().String()
	}
	from.do(func() error {
		conn, err := net.DialTimeout("tcp4", dst, patience)
		if err == nil {
			near = conn.(*net.TCPConn)
		}
		return err
	})
	l.SetDeadline(time.Now().Add(patience))
	far, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// transfer sends bytes from one end to the other and checks that they arrive
// as they were.
func transfer(t testing.TB, from, to *net.TCPConn, size int) {
	t.Helper()
	sent := make(chan [32]byte, 1)
	go func() {
		h := sha256.New()
		chunk := make([]byte, 1<<17)
		for i := range chunk {
			chunk[i] = byte(i * i >> 3)
		}
		for left := size; left > 0; left -= len(chunk) {
			chunk = chunk[:min(left, len(chunk))]
			chunk[0]++
			h.Write(chunk)
			if _, err := from.Write(chunk); err != nil {
				break
			}
		}
		sent <- [32]byte(h.Sum(nil))
	}()
	to.SetReadDeadline(time.Now().Add(time.Minute))
	h := sha256.New()
	if n, err := io.CopyN(h, to, int64(size)); err != nil {
		t.Fatalf("%d of %d bytes arrived: %v", n, size, err)
	}
	if <-sent != [32]byte(h.Sum(nil)) {
		t.Error("the bytes that arrived are not those that were sent")
	}
}

// A public address is translated one to one, both ways, for connections begun
// on either side; segments of 64 KB with unfinished checksums come through
// whole (A6).
func TestPublicAddressTCP(t *testing.T) {
	s := newSite(t)
	vm, host := s.guests["primary"], s.guests["internet"]
	near, far := tcp(t, vm, host, internetHost+":80", internetHost+":80")
	if got := far.RemoteAddr().(*net.TCPAddr).IP.String(); got != primaryPublic {
		t.Errorf("the host sees %s, want %s", got, primaryPublic)
	}
	transfer(t, near, far, 32<<20)
	transfer(t, far, near, 32<<20)
	near, far = tcp(t, host, vm, "10.102.1.10:443", primaryPublic+":443")
	if got := far.RemoteAddr().(*net.TCPAddr).IP.String(); got != internetHost {
		t.Errorf("the VM sees %s, want %s", got, internetHost)
	}
	transfer(t, near, far, 8<<20)
	for _, n := range s.Stats().NICs {
		if n.Name == primaryWAN {
			if mean := n.FromGuest.Bytes / n.FromGuest.Packets; mean < 1600 {
				t.Errorf("frames of the VM have %d bytes: segmentation offload is off", mean)
			}
		}
	}
}

// Large segments also cross an appliance that forwards them, and survive that
// another one takes over in the middle: neither holds any state.
func TestTransitTCPOverAMove(t *testing.T) {
	s := newSite(t)
	near, far := tcp(t, s.guests["client"], s.guests["server"], "10.102.5.5:80", "10.102.5.5:80")
	transfer(t, near, far, 4<<20)
	s.moveFIP(secondaryLAN)
	transfer(t, near, far, 4<<20)
	transfer(t, far, near, 4<<20)
	for _, n := range s.Stats().NICs {
		if n.Name == secondaryLAN && n.ToGuest.Bytes < 4<<20 {
			t.Errorf("only %d bytes came through the secondary", n.ToGuest.Bytes)
		}
	}
}

// Between two VMs' public addresses both are translated.
func TestPublicToPublic(t *testing.T) {
	s := newSite(t)
	near, far := tcp(t, s.guests["secondary"], s.guests["primary"], "10.102.1.10:443", primaryPublic+":443")
	if got := far.RemoteAddr().(*net.TCPAddr).IP.String(); got != secondaryPublic {
		t.Errorf("the primary sees %s, want %s", got, secondaryPublic)
	}
	transfer(t, near, far, 1<<20)
}

func TestPublicAddressPing(t *testing.T) {
	s := newSite(t)
	s.guests["primary"].pinger().rtt(internetHost)
	s.guests["internet"].pinger().rtt(secondaryPublic)
	s.dropsOne(internetHost, "no-such-host", func() { s.guests["internet"].pinger().send("10.102.1.10") })
	s.dropsOne(clientNIC, "destination-not-forwarding", func() {
		s.edit(viaRigid)
		s.guests["client"].pinger().send(internetHost)
	})
}

// A datagram to a closed port beyond the translation: the error finds the
// socket, so that its quoted packet was translated back.
func TestPublicAddressUDPAndErrors(t *testing.T) {
	s := newSite(t)
	vm, host := s.guests["primary"].udp("10.102.1.10:5000"), s.guests["internet"].udp(internetHost+":5001")
	send(t, vm, internetHost+":5001", "question")
	text, from := receive(t, host)
	if text != "question" || from.String() != primaryPublic+":5000" {
		t.Fatalf("%q came from %s", text, from)
	}
	send(t, host, from.String(), "answer")
	if text, from := receive(t, vm); text != "answer" || from.String() != internetHost+":5001" {
		t.Errorf("%q came from %s", text, from)
	}

	for _, tc := range []struct {
		name, from, dst string
	}{
		{"out", "primary", internetHost + ":9"},
		{"in", "internet", primaryPublic + ":9"},
	} {
		var conn net.Conn
		s.guests[tc.from].do(func() (err error) {
			conn, err = net.Dial("udp4", tc.dst)
			return err
		})
		defer conn.Close()
		if _, err := conn.Write([]byte("anybody?")); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: the sender learns %v, want a refusal", tc.name, err)
		}
	}
}
