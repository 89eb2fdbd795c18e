package lan

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/wire/keepalive"
)

// loopback gives each test addresses of its own on lo.
func loopback(n byte) (a, b [keepalive.Paths]Path) {
	for i := range a {
		one, two := netip.AddrFrom4([4]byte{127, n, byte(i), 1}), netip.AddrFrom4([4]byte{127, n, byte(i), 2})
		a[i] = Path{"lo", one, two}
		b[i] = Path{"lo", two, one}
	}
	return a, b
}

func mustOpen(t *testing.T, paths [keepalive.Paths]Path) *Links {
	t.Helper()
	l, err := Open(paths, keepalive.Port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// receive is the agent's loop in small: woken by Watch, it drains.
func receive(l *Links, fn func(keepalive.Path, []byte)) {
	wake := make(chan struct{}, 1)
	l.Watch(func(keepalive.Path) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	go func() {
		for range wake {
			l.Drain(fn)
		}
	}()
}

// A2: keepalives reach the peer on each path; a stranger's don't.
func TestReceiveOnEachPathA2(t *testing.T) {
	a, b := loopback(77)
	one, two := mustOpen(t, a), mustOpen(t, b)
	got := make(chan string, 16)
	receive(two, func(path keepalive.Path, datagram []byte) { got <- fmt.Sprintf("%s %s", path, datagram) })
	stranger, err := net.Dial("udp4", netip.AddrPortFrom(b[0].Local, keepalive.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Write([]byte("strange")); err != nil {
		t.Fatal(err)
	}
	for path := range keepalive.Paths {
		one.Send(path, []byte("hello"))
	}
	seen := map[string]bool{}
	deadline := time.After(10 * time.Second)
	for range keepalive.Paths {
		select {
		case text := <-got:
			seen[text] = true
		case <-deadline:
			t.Fatalf("only %v came", seen)
		}
	}
	if !seen["lan hello"] || !seen["mgmt hello"] || two.Strange() != 1 {
		t.Errorf("%v, %d strange", seen, two.Strange())
	}
}

// What has arrived is handed over at once, also while no goroutine reads.
func TestDrainTakesWhatWaits(t *testing.T) {
	a, b := loopback(78)
	one, two := mustOpen(t, a), mustOpen(t, b)
	for i := range 100 {
		one.Send(keepalive.LAN, []byte{byte(i)})
	}
	var got []byte
	for start := time.Now(); len(got) < 100 && time.Since(start) < 10*time.Second; {
		two.Drain(func(_ keepalive.Path, datagram []byte) { got = append(got, datagram...) })
	}
	for i, b := range got {
		if int(b) != i {
			t.Fatalf("datagram %d is %d", i, b)
		}
	}
	if len(got) != 100 {
		t.Fatalf("%d datagrams", len(got))
	}
}

// A peer that isn't there answers with ICMP errors; they end nothing.
func TestAbsentPeerIsNoError(t *testing.T) {
	a, b := loopback(79)
	one := mustOpen(t, a)
	got := make(chan struct{}, 1)
	receive(one, func(keepalive.Path, []byte) { got <- struct{}{} })
	for range 10 {
		one.Send(keepalive.LAN, []byte("anybody?"))
	}
	mustOpen(t, b).Send(keepalive.LAN, []byte("here"))
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing received after the errors")
	}
}

// Bad input: what is wrong, where, and the way out.
func TestOpenErrorsSayWhatToDo(t *testing.T) {
	a, _ := loopback(80)
	mustOpen(t, a)
	absent, nowhere := a, a
	absent[0].Local = netip.MustParseAddr("192.0.2.1")
	nowhere[0].Interface = "nosuch0"
	nowhere[0].Local = netip.MustParseAddr("127.80.9.9")
	for name, c := range map[string]struct {
		paths [keepalive.Paths]Path
		want  string
	}{
		"taken":        {a, "127.80.0.1:20480 is taken"},
		"absent":       {absent, "no interface has the address 192.0.2.1"},
		"no interface": {nowhere, `no interface "nosuch0"`},
	} {
		_, err := Open(c.paths, keepalive.Port)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Watch wakes for what waits, once a Drain, and leaves every datagram to Drain.
func TestWatchLeavesAllToDrain(t *testing.T) {
	a, b := loopback(81)
	one, two := mustOpen(t, a), mustOpen(t, b)
	woken := make(chan keepalive.Path, 100)
	two.Watch(func(path keepalive.Path) { woken <- path })
	for round := range 20 {
		for i := range 5 {
			one.Send(keepalive.MGMT, []byte{byte(5*round + i)})
		}
		for next := 0; next < 5; {
			select {
			case path := <-woken:
				if path != keepalive.MGMT {
					t.Fatalf("woken for %s", path)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("round %d: not woken after %d datagrams", round, next)
			}
			two.Drain(func(_ keepalive.Path, datagram []byte) {
				if int(datagram[0]) != 5*round+next {
					t.Fatalf("datagram %d is %d", 5*round+next, datagram[0])
				}
				next++
			})
		}
	}
}

// R14: the peer's address may change while the sockets are open.
func TestSetPeersR14(t *testing.T) {
	a, b := loopback(82)
	c, _ := loopback(83)
	one, two, three := mustOpen(t, a), mustOpen(t, b), mustOpen(t, c)
	three.SetPeers([keepalive.Paths]netip.Addr{a[0].Local, a[1].Local})
	one.SetPeers([keepalive.Paths]netip.Addr{c[0].Local, c[1].Local})
	two.Send(keepalive.LAN, []byte("the old peer"))
	three.Send(keepalive.LAN, []byte("the new peer"))
	if got := heard(t, one, 1); got[0] != "lan the new peer" {
		t.Errorf("heard %q", got)
	}
	if one.Strange() != 1 {
		t.Errorf("%d strange", one.Strange())
	}
	one.Send(keepalive.LAN, []byte("hello"))
	if got := heard(t, three, 1); got[0] != "lan hello" {
		t.Errorf("heard %q", got)
	}
	one.SetPeers([keepalive.Paths]netip.Addr{b[0].Local, b[1].Local}, [keepalive.Paths]netip.Addr{c[0].Local, b[1].Local})
	one.Send(keepalive.LAN, []byte("which of you"))
	for _, peer := range []*Links{two, three} {
		if got := heard(t, peer, 1); got[0] != "lan which of you" {
			t.Errorf("heard %q", got)
		}
		peer.Send(keepalive.LAN, []byte("me"))
		if got := heard(t, one, 1); got[0] != "lan me" {
			t.Errorf("heard %q", got)
		}
	}
}

// Close ends Watch, also while it waits for a Drain; a second Close does nothing bad.
func TestCloseEndsWatch(t *testing.T) {
	a, b := loopback(84)
	one, two := mustOpen(t, a), mustOpen(t, b)
	woken := make(chan struct{}, 1)
	two.Watch(func(keepalive.Path) { woken <- struct{}{} })
	one.Send(keepalive.LAN, []byte("x"))
	<-woken
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	_ = two.Close()
	mustOpen(t, b)
}
