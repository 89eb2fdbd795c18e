package guest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/house/private"
)

// The tests run in namespaces of their own.
func TestMain(m *testing.M) { private.Main(m) }

const own, fip = "10.102.2.10/24", "10.102.2.200"

func newLAN(t *testing.T) netlink.Link {
	t.Helper()
	try(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan"}, PeerName: "far"}))
	link, err := netlink.LinkByName("lan")
	try(t, err)
	t.Cleanup(func() { try(t, netlink.LinkDel(link)) })
	add(t, link, own)
	return link
}

func add(t *testing.T, link netlink.Link, text string) {
	t.Helper()
	addr, err := netlink.ParseAddr(text)
	try(t, err)
	try(t, netlink.AddrAdd(link, addr))
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want compares the interface's addresses.
func want(t *testing.T, link netlink.Link, addrs ...string) {
	t.Helper()
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	try(t, err)
	var got []string
	for _, addr := range list {
		got = append(got, addr.IPNet.String())
	}
	slices.Sort(got)
	if !slices.Equal(got, addrs) {
		t.Fatalf("addresses %v, want %v", got, addrs)
	}
}

func newGuest(t *testing.T) *Guest {
	t.Helper()
	g, err := New("lan", netip.MustParseAddr(fip))
	try(t, err)
	return g
}

// B2: the address comes and goes, as often as asked, and nothing else changes.
func TestFloatingIPIsIdempotentB2(t *testing.T) {
	link := newLAN(t)
	g := newGuest(t)
	want(t, link, own)
	for range 2 {
		for range 2 {
			try(t, g.FloatingIP(true))
			want(t, link, own, fip+"/32")
		}
		for range 2 {
			try(t, g.FloatingIP(false))
			want(t, link, own)
		}
	}
}

// R14: while a change of the floating IP is under way the guest has both; a guest
// that has them off is told alike, and gets none.
func TestAFormerAddressBesideItR14(t *testing.T) {
	link := newLAN(t)
	g := newGuest(t)
	const next = "10.102.2.201"
	both := []netip.Addr{netip.MustParseAddr(next), netip.MustParseAddr(fip)}
	try(t, g.FloatingIP(true))
	for range 2 {
		try(t, g.Addresses(both))
		want(t, link, own, fip+"/32", next+"/32")
	}
	try(t, g.FloatingIP(false))
	want(t, link, own)
	try(t, g.FloatingIP(true))
	want(t, link, own, fip+"/32", next+"/32")
	try(t, g.Addresses(both[:1]))
	want(t, link, own, next+"/32")
	try(t, g.FloatingIP(false))
	try(t, g.Addresses(both))
	want(t, link, own)
}

// R0: what a former self or cloud-init left is gone before the first decision.
func TestLeftoverIsRemovedAtStartR0(t *testing.T) {
	link := newLAN(t)
	add(t, link, fip+"/32")
	add(t, link, fip+"/24")
	newGuest(t)
	want(t, link, own)
	add(t, link, "10.102.2.201/24")
	_, err := New("lan", netip.MustParseAddr(fip), netip.MustParseAddr("10.102.2.201"))
	try(t, err)
	want(t, link, own)
}

// B6: put there by hand while the agent runs, with another length: gone as well.
func TestAnyLengthIsRemovedB6(t *testing.T) {
	link := newLAN(t)
	g := newGuest(t)
	add(t, link, fip+"/24")
	try(t, g.FloatingIP(true))
	try(t, g.FloatingIP(false))
	want(t, link, own)
}

// Bad input: what is wrong, and the way out.
func TestErrorsSayWhatToDo(t *testing.T) {
	_, err := New("nosuch0", netip.MustParseAddr(fip))
	if err == nil || !strings.Contains(err.Error(), `"nosuch0"`) || !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("%v", err)
	}
}
