package lan

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/house/private"
	"releve.dev/releve/wire/keepalive"
)

// The tests run in namespaces of their own.
func TestMain(m *testing.M) { private.Main(m) }

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// addLink makes an interface whose other end stays unused.
func addLink(t *testing.T, name, addr string) netlink.Link {
	t.Helper()
	must(0, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-far"}))(t)
	link := must(netlink.LinkByName(name))(t)
	t.Cleanup(func() { must(0, netlink.LinkDel(link))(t) })
	must(0, netlink.AddrAdd(link, must(netlink.ParseAddr(addr))(t)))(t)
	return link
}

// heard drains until want datagrams have come, and fails after a generous time.
func heard(t *testing.T, l *Links, want int) (texts []string) {
	t.Helper()
	for begin := time.Now(); len(texts) < want; {
		l.Drain(func(path keepalive.Path, datagram []byte) { texts = append(texts, path.String()+" "+string(datagram)) })
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("only %q came", texts)
		}
	}
	return texts
}

// A link that goes down and comes back costs the datagrams of that time, no more.
func TestSurvivesLinkDown(t *testing.T) {
	const a, b = "10.102.2.10", "10.102.2.11"
	one := addLink(t, "one", a+"/24")
	must(0, netlink.LinkSetUp(one))(t)
	must(0, netlink.LinkSetUp(must(netlink.LinkByName("one-far"))(t)))(t)
	paths := [keepalive.Paths]Path{
		{"one", netip.MustParseAddr(a), netip.MustParseAddr(b)},
		{"lo", netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.1")},
	}
	l := mustOpen(t, paths)
	woken := make(chan keepalive.Path, 16)
	l.Watch(func(path keepalive.Path) { woken <- path })
	must(0, netlink.LinkSetDown(one))(t)
	for range 10 {
		l.Send(keepalive.LAN, []byte("lost"))
		l.Send(keepalive.MGMT, []byte("kept"))
	}
	for _, text := range heard(t, l, 10) {
		if text != "mgmt kept" {
			t.Errorf("heard %q", text)
		}
	}
	must(0, netlink.LinkSetUp(one))(t)
	l.Send(keepalive.MGMT, []byte("again"))
	select {
	case <-woken:
	case <-time.After(10 * time.Second):
		t.Error("Watch said nothing")
	}
	if got := heard(t, l, 1); got[0] != "mgmt again" {
		t.Errorf("heard %q", got)
	}
}

// What was heard on one path doesn't count for the other: each socket takes from
// its own interface only.
func TestPathsDoNotMix(t *testing.T) {
	addLink(t, "one", "10.102.2.10/24")
	peer := netip.MustParseAddr("127.0.0.9")
	l := mustOpen(t, [keepalive.Paths]Path{
		{"one", netip.MustParseAddr("10.102.2.10"), peer},
		{"lo", netip.MustParseAddr("127.0.0.1"), peer},
	})
	far := mustOpen(t, [keepalive.Paths]Path{
		{"lo", peer, netip.MustParseAddr("10.102.2.10")},
		{"lo", netip.MustParseAddr("127.0.0.8"), netip.MustParseAddr("127.0.0.1")},
	})
	far.Send(keepalive.LAN, []byte("by the wrong interface"))
	far.SetPeers([keepalive.Paths]netip.Addr{netip.MustParseAddr("127.0.0.1"), peer})
	far.Send(keepalive.LAN, []byte("right"))
	if got := heard(t, l, 1); got[0] != "mgmt right" {
		t.Errorf("heard %q", got)
	}
}
