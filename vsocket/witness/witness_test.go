package witness

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// rig is a client, and the sockets of two that may answer it.
type rig struct {
	t                *testing.T
	c                *Client
	witness, other   *net.UDPConn
	answered, missed int
	used             []int
}

var loopback = netip.MustParseAddr("127.0.0.1")

func newRig(t *testing.T) *rig {
	r := &rig{t: t, witness: listen(t), other: listen(t)}
	var err error
	r.c, err = Open(Config{Local: loopback, Witness: []netip.AddrPort{address(r.witness), address(r.other)},
		Answered: func() { r.answered++ }, Missed: func() { r.missed++ }, Use: func(pop int) { r.used = append(r.used, pop) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.c.Close() })
	return r
}

func listen(t *testing.T) *net.UDPConn {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func address(conn *net.UDPConn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// ask sends a question to whom is asked now, who reads it.
func (r *rig) ask(from *net.UDPConn) (client netip.AddrPort) {
	r.t.Helper()
	r.c.Ask([]byte("question"))
	buf := make([]byte, 64)
	n, client, err := from.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != "question" {
		r.t.Fatalf("the witness reads %q, %v", buf[:n], err)
	}
	return client
}

func (r *rig) say(from *net.UDPConn, to netip.AddrPort, text string) {
	r.t.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte(text), to); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) drain() string {
	var all []string
	r.c.Drain(func(reply []byte) { all = append(all, string(reply)) })
	return strings.Join(all, " ")
}

// What the witness says is taken, all that waits; what anybody else says isn't, and
// is no sign of the witness's life.
func TestOnlyTheWitnessIsHeard(t *testing.T) {
	r := newRig(t)
	client := r.ask(r.witness)
	r.say(r.other, client, "stranger")
	if got := r.drain(); got != "" || r.answered != 0 {
		t.Fatalf("takes %q, answered %d times", got, r.answered)
	}
	r.say(r.witness, client, "one")
	r.say(r.other, client, "stranger")
	r.say(r.witness, client, "two")
	if got := r.drain(); got != "one two" || r.answered != 2 {
		t.Fatalf("takes %q, answered %d times", got, r.answered)
	}
	if got := r.drain(); got != "" {
		t.Errorf("takes %q twice", got)
	}
}

// With another PoP the one before is a stranger, and what it owes isn't owed by the
// new one.
func TestUse(t *testing.T) {
	r := newRig(t)
	var client netip.AddrPort
	for range patience {
		client = r.ask(r.witness)
	}
	r.c.Use(1)
	if len(r.used) != 1 || r.used[0] != 1 {
		t.Fatalf("the tunnel is led to %v", r.used)
	}
	if r.ask(r.other); r.missed != 0 {
		t.Error("the first question to the new one is missed")
	}
	r.say(r.witness, client, "the one before")
	r.say(r.other, client, "the new one")
	if got := r.drain(); got != "the new one" {
		t.Errorf("takes %q", got)
	}
}

// Missed is called for each question beyond two that are on their way; a reply ends
// that.
func TestMissed(t *testing.T) {
	r := newRig(t)
	for n, want := range []int{0, 0, 1, 2} {
		if r.ask(r.witness); r.missed != want {
			t.Fatalf("after %d questions %d are missed, want %d", n+1, r.missed, want)
		}
	}
	r.say(r.witness, r.ask(r.witness), "here")
	r.drain()
	r.missed = 0
	if r.ask(r.witness); r.missed != 0 {
		t.Error("a reply has come, and the next question is missed")
	}
}

// A tunnel without its address is an error that names the setting.
func TestNoSuchAddress(t *testing.T) {
	_, err := Open(Config{Local: netip.MustParseAddr("192.0.2.1"), Witness: []netip.AddrPort{{}}})
	if err == nil || !strings.Contains(err.Error(), "hint:") || !strings.Contains(err.Error(), "cloud.address") {
		t.Errorf("%v", err)
	}
}
