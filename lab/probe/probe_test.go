package probe

import (
	"bytes"
	"net"
	"testing"
	"time"
)

func loopback(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// until polls a condition, with a bound far above what it takes.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestBothWaysAreCounted(t *testing.T) {
	vm, host := loopback(t), loopback(t)
	p, err := Start(vm, host, host.LocalAddr().(*net.UDPAddr).AddrPort(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "traffic both ways", func() bool { return p.Flowing(100 * time.Millisecond) })
	p.Begin()
	until(t, "200 packets down", func() bool { return p.Count(Down).Received >= 200 })
	for _, d := range []Direction{Up, Down} { // what is under way isn't lost
		count, outages := p.CountSince(d, p.Begun(d)), p.OutagesSince(d, p.Begun(d))
		if count.Sent < 100 || count.Received != count.Sent || len(outages) != 0 || p.CountSince(d, p.Next(d)) != (Count{}) {
			t.Errorf("%s: %+v, outages %+v while it goes on", d, count, outages)
		}
	}
	p.Finish()
	for _, d := range []Direction{Up, Down} {
		count := p.Count(d)
		if count.Sent < 100 || count.Received != count.Sent || count.Duplicated != 0 {
			t.Errorf("%s: %+v on loopback, want all received once", d, count)
		}
		if outages := p.Outages(d); len(outages) != 0 {
			t.Errorf("%s: outages %+v, want none", d, outages)
		}
	}
}

// The Internet host follows the source that it last heard from.
func TestDownFollowsTheLastSource(t *testing.T) {
	vm, host := loopback(t), loopback(t)
	p, err := Start(vm, host, host.LocalAddr().(*net.UDPAddr).AddrPort(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Finish()
	until(t, "a first source", func() bool { return p.peer.Load() != nil })
	want := vm.LocalAddr().(*net.UDPAddr).AddrPort()
	if got := *p.peer.Load(); got != want {
		t.Errorf("heard from %v, want %v", got, want)
	}
}

// FuzzDecode: a packet that is taken is one that encode makes, padding included.
func FuzzDecode(f *testing.F) {
	packet := make([]byte, packetSize)
	encode(packet, markUp, 7)
	f.Add(packet)
	f.Add([]byte{markUp})
	f.Fuzz(func(t *testing.T, data []byte) {
		if seq, ok := decode(data, markUp); ok {
			again := make([]byte, packetSize)
			encode(again, markUp, seq)
			if !bytes.Equal(again, data) {
				t.Errorf("%x is taken for number %d", data, seq)
			}
		}
	})
}
