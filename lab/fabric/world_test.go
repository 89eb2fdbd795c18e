package fabric_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"releve.dev/releve/house/private"
)

// noWorld is why tests with real namespaces can't run, or "".
var noWorld string

// TestMain runs the tests in new network and mount namespaces, so that they need
// no root and leave nothing behind. Where the kernel has none for
// us, the tests that need one are skipped.
func TestMain(m *testing.M) {
	if !private.Inside() {
		code, err := private.Again()
		if err == nil {
			os.Exit(code)
		}
		noWorld = fmt.Sprintf("no namespaces of one's own: %v", err)
	} else if fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		noWorld = fmt.Sprintf("can't open /dev/net/tun: %v", err)
	} else {
		unix.Close(fd)
	}
	os.Exit(m.Run())
}

// guest is a network namespace that plays a VM or a host of the Internet.
type guest struct {
	t  testing.TB
	ns netns.NsHandle
}

func newGuest(t testing.TB) *guest {
	t.Helper()
	if noWorld != "" {
		t.Skip(noWorld)
	}
	type made struct {
		ns  netns.NsHandle
		err error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with its namespace
		ns, err := netns.New()
		done <- made{ns, err}
	}()
	m := <-done
	if m.err != nil {
		t.Fatalf("new network namespace: %v", m.err)
	}
	t.Cleanup(func() { m.ns.Close() })
	g := &guest{t: t, ns: m.ns}
	g.sysctl("net.ipv4.conf.all.rp_filter", "0")
	g.sysctl("net.ipv4.conf.default.rp_filter", "0")
	g.sysctl("net.ipv4.conf.all.send_redirects", "0")
	g.sysctl("net.ipv4.conf.default.send_redirects", "0")
	g.sysctl("net.ipv6.conf.default.disable_ipv6", "1")
	g.links(func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return err
		}
		return h.LinkSetUp(lo)
	})
	return g
}

// do runs what must be done in the namespace: making sockets, above all.
func (g *guest) do(what func() error) {
	g.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(g.ns); err != nil {
			done <- err
			return
		}
		done <- what()
	}()
	if err := <-done; err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) sysctl(key, value string) {
	g.t.Helper()
	g.do(func() error {
		path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
		err := os.WriteFile(path, []byte(value), 0o644)
		if errors.Is(err, os.ErrNotExist) && strings.Contains(key, "ipv6") {
			return nil
		}
		return err
	})
}

func (g *guest) links(what func(*netlink.Handle) error) {
	g.t.Helper()
	h, err := netlink.NewHandleAt(g.ns, unix.NETLINK_ROUTE)
	if err != nil {
		g.t.Fatal(err)
	}
	defer h.Close()
	if err := what(h); err != nil {
		g.t.Fatal(err)
	}
}

// address gives an interface an address, e.g. "10.102.2.10/24".
func (g *guest) address(ifname, addr string) {
	g.t.Helper()
	g.links(func(h *netlink.Handle) error {
		link, err := h.LinkByName(ifname)
		if err != nil {
			return err
		}
		a, err := netlink.ParseAddr(addr)
		if err != nil {
			return err
		}
		return h.AddrAdd(link, a)
	})
}

// route adds a route over an interface.
func (g *guest) route(ifname, dst, via string) {
	g.t.Helper()
	g.links(func(h *netlink.Handle) error {
		link, err := h.LinkByName(ifname)
		if err != nil {
			return err
		}
		_, prefix, err := net.ParseCIDR(dst)
		if err != nil {
			return err
		}
		r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: prefix, Gw: net.ParseIP(via)}
		if via == "" {
			r.Gw, r.Scope = nil, netlink.SCOPE_LINK
		} else {
			r.Flags = int(netlink.FLAG_ONLINK)
		}
		return h.RouteReplace(r)
	})
}

// udp opens a UDP socket in the namespace.
func (g *guest) udp(addr string) *net.UDPConn {
	g.t.Helper()
	var conn *net.UDPConn
	g.do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		if err == nil {
			err = conn.SetReadBuffer(1 << 20)
		}
		return err
	})
	g.t.Cleanup(func() { conn.Close() })
	return conn
}

// raw is a packet socket on one interface: it sends and sees whole frames.
type raw struct {
	t  testing.TB
	fd int
}

func (g *guest) raw(ifname string) *raw {
	g.t.Helper()
	r := &raw{t: g.t}
	g.do(func() (err error) {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		all := int(uint16(unix.ETH_P_ALL>>8 | unix.ETH_P_ALL<<8&0xff00))
		if r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			return err
		}
		return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: link.Index})
	})
	g.t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

func (r *raw) send(f []byte) {
	r.t.Helper()
	if _, err := unix.Write(r.fd, f); err != nil {
		r.t.Fatal(err)
	}
}

// next is the next frame that the guest receives and that want accepts.
func (r *raw) next(want func([]byte) bool) []byte {
	r.t.Helper()
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(r.fd, buf, 0)
		if err != nil {
			r.t.Fatalf("no such frame came: %v", err)
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if want(buf[:n]) {
			return buf[:n]
		}
	}
}
