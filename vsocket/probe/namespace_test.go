package probe

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"releve.dev/releve/house/private"
)

// The tests run in namespaces of their own.
func TestMain(m *testing.M) { private.Main(m) }

// world is a vSocket's WAN and LAN in the test's own namespace. The other ends
// are in one that answers for the Internet (by ping) and for the gateway (by ARP).
type world struct {
	t     *testing.T
	there *netlink.Handle
}

const (
	ownWAN, internet = "10.102.1.10", "10.102.1.50"
	ownLAN, gateway  = "10.102.2.10", "10.102.2.1"
	silent           = "10.102.1.99" // nobody has it
)

func newWorld(t *testing.T) *world {
	t.Helper()
	runtime.LockOSThread()
	here := must(netns.Get())(t)
	there := must(netns.New())(t)
	must(0, netns.Set(here))(t)
	w := &world{t: t, there: must(netlink.NewHandleAt(there))(t)}
	for name, addrs := range map[string][2]string{"wan": {ownWAN, internet}, "lan": {ownLAN, gateway}} {
		must(0, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name, PeerNamespace: netlink.NsFd(there)}))(t)
		link := w.link(name)
		must(0, netlink.AddrAdd(link, must(netlink.ParseAddr(addrs[0]+"/24"))(t)))(t)
		must(0, netlink.LinkSetUp(link))(t)
		far := must(w.there.LinkByName(name))(t)
		must(0, w.there.AddrAdd(far, must(netlink.ParseAddr(addrs[1]+"/24"))(t)))(t)
		must(0, w.there.LinkSetUp(far))(t)
		t.Cleanup(func() { must(0, netlink.LinkDel(link))(t) })
	}
	t.Cleanup(func() { _ = there.Close() })
	return w
}

func (w *world) link(name string) netlink.Link {
	w.t.Helper()
	return must(netlink.LinkByName(name))(w.t)
}

// cut takes the far end of a link down, or brings it up again.
func (w *world) cut(name string, off bool) {
	w.t.Helper()
	far := must(w.there.LinkByName(name))(w.t)
	if off {
		must(0, w.there.LinkSetDown(far))(w.t)
		return
	}
	must(0, w.there.LinkSetUp(far))(w.t)
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
