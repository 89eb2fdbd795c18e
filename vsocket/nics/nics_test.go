package nics

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/house/private"
)

func TestMain(m *testing.M) { private.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, name string, addrs ...string) {
	t.Helper()
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-far"}))
	made, err := netlink.LinkByName(name)
	must(t, err)
	t.Cleanup(func() { must(t, netlink.LinkDel(made)) })
	must(t, netlink.LinkSetUp(made))
	for _, text := range addrs {
		add(t, name, text)
	}
}

func add(t *testing.T, name, text string) {
	t.Helper()
	made, err := netlink.LinkByName(name)
	must(t, err)
	addr, err := netlink.ParseAddr(text)
	must(t, err)
	must(t, netlink.AddrAdd(made, addr))
}

var wan, lan = netip.MustParseAddr("10.102.1.10"), netip.MustParseAddr("10.102.2.10")

// The order of names says nothing.
func TestInterfacesAreFoundByAddress(t *testing.T) {
	link(t, "eth1", "10.102.2.10/24", "10.102.2.200/32")
	link(t, "eth2", "10.102.1.10/24")
	names, err := Find(wan, lan)
	must(t, err)
	if want := []string{"eth2", "eth1"}; !slices.Equal(names, want) {
		t.Errorf("found %v, want %v", names, want)
	}
}

// One that was renamed, or is down and left over, isn't taken for the one in use.
func TestTheOneThatIsUpCounts(t *testing.T) {
	link(t, "a-up", "10.102.1.10/24")
	link(t, "z-down", "10.102.1.10/24")
	made, err := netlink.LinkByName("z-down")
	must(t, err)
	must(t, netlink.LinkSetDown(made))
	names, err := Find(wan)
	must(t, err)
	if names[0] != "a-up" {
		t.Errorf("found %v", names)
	}
}

func TestAnInterfaceIsAwaited(t *testing.T) {
	link(t, "eth1", "10.102.1.10/24")
	if _, err := Find(wan, lan); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), lan.String()) || strings.Contains(err.Error(), wan.String()) {
		t.Fatalf("says %v", err)
	}
	told := 0
	names, err := Await(t.Context(), func(error) {
		told++
		link(t, "eth2", "10.102.2.10/24")
	}, wan, lan)
	must(t, err)
	if told != 1 || !slices.Equal(names, []string{"eth1", "eth2"}) {
		t.Errorf("found %v after being told %d times", names, told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Await(ctx, func(error) { cancel() }, netip.MustParseAddr("10.102.3.10")); !errors.Is(err, context.Canceled) {
		t.Errorf("ends with %v", err)
	}
}
