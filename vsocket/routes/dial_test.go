package routes

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// C3: ARM, the manager and DNS are asked from MGMT's address; servers on this host
// and Azure's own aren't, as they don't answer that.
func TestConnectionsComeFromMGMTC3(t *testing.T) {
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	mgmt := &netlink.Addr{IPNet: network(netip.MustParsePrefix("10.102.3.10/32"))}
	must(t, netlink.AddrAdd(lo, mgmt))
	t.Cleanup(func() { must(t, netlink.AddrDel(lo, mgmt)) })
	server, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer server.Close()

	dialer := By(netip.MustParseAddr("10.102.3.10"))
	conn, err := dialer.DialContext(t.Context(), "tcp", server.Addr().String())
	must(t, err)
	defer conn.Close()
	if from := conn.LocalAddr().(*net.TCPAddr).IP.String(); from != "10.102.3.10" {
		t.Errorf("connects from %s", from)
	}
	for address, want := range map[string]string{"10.102.3.10:53": "10.102.3.10", "127.0.0.53:53": "127.0.0.1"} {
		asks, err := dialer.Resolver.Dial(t.Context(), "udp", address)
		must(t, err)
		if from := asks.LocalAddr().(*net.UDPAddr).IP.String(); from != want {
			t.Errorf("asks %s from %s, want %s", address, from, want)
		}
		asks.Close()
	}
}
