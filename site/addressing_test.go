package site

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// plan is a good site's addresses; a test breaks one thing in it.
func plan() Addressing {
	return Addressing{
		Native:  netip.MustParsePrefix("10.0.2.0/24"),
		Primary: netip.MustParseAddr("10.0.2.10"), Secondary: netip.MustParseAddr("10.0.2.11"), FloatingIP: netip.MustParseAddr("10.0.2.100"),
		Ranges: []Range{
			{"vnet", netip.MustParsePrefix("10.0.0.0/16"), netip.Addr{}}, // around the native range: that is more specific
			{"lab", netip.MustParsePrefix("10.0.9.0/24"), netip.MustParseAddr("10.0.2.50")},
			{"part of lab", netip.MustParsePrefix("10.0.9.64/26"), netip.Addr{}}, // a sub-range
		},
	}
}

func TestGoodAddressesE6(t *testing.T) {
	alone := plan()
	alone.Secondary, alone.FloatingIP, alone.Ranges = netip.Addr{}, netip.Addr{}, nil
	smallest := Addressing{Native: netip.MustParsePrefix("10.0.2.8/29"), Primary: netip.MustParseAddr("10.0.2.12"),
		Secondary: netip.MustParseAddr("10.0.2.13"), FloatingIP: netip.MustParseAddr("10.0.2.14")}
	for _, a := range []Addressing{plan(), alone, smallest} {
		if faults := a.Check(); faults != nil {
			t.Errorf("%+v: %v", a, faults)
		}
	}
}

// E6, E8: each rule, told with its name, its input and the address.
func TestAddressFaultsE6(t *testing.T) {
	ip, pre := netip.MustParseAddr, netip.MustParsePrefix
	for _, c := range []struct {
		name  string
		spoil func(a *Addressing)
		want  string // field rule, of each fault
		says  string // in the first message
	}{
		{"no native range", func(a *Addressing) { a.Native = netip.Prefix{} }, "native ipv4", "missing"},
		{"IPv6", func(a *Addressing) { a.Native = pre("fd00::/64") }, "native ipv4", "fd00::/64: only IPv4"},
		{"IPv4 in IPv6", func(a *Addressing) { a.Primary = ip("::ffff:10.0.2.10") }, "primary_ip ipv4", "only IPv4"},
		{"host bits", func(a *Addressing) { a.Native = pre("10.0.2.5/24") }, "native host-bits", "is 10.0.2.0/24 meant?"},
		{"/30", func(a *Addressing) { a.Native = pre("10.0.2.8/30") }, "native size", "10.0.2.8/30: a prefix of /2 to /29"},
		{"/31", func(a *Addressing) { a.Native = pre("10.0.2.8/31") }, "native size", "10.0.2.8/31"},
		{"/32", func(a *Addressing) { a.Native = pre("10.0.2.8/32") }, "native size", "10.0.2.8/32"},
		{"the tunnels' addresses", func(a *Addressing) { a.Native = pre("100.64.3.0/24") }, "native special", "overlaps 100.64.0.0/10 (used inside the tunnels)"},
		{"multicast", func(a *Addressing) { a.Native = pre("224.0.0.0/24") }, "native special", "multicast"},
		{"no primary", func(a *Addressing) { a.Primary = netip.Addr{} }, "primary_ip ipv4", "LAN IP of the primary is missing"},
		{"outside", func(a *Addressing) { a.Primary = ip("10.0.3.10") }, "primary_ip outside", "LAN IP of the primary: address 10.0.3.10 is outside the subnet 10.0.2.0/24"},
		{"reserved, the first", func(a *Addressing) { a.Secondary = ip("10.0.2.3") }, "secondary_ip reserved", "10.0.2.3 is reserved by Azure"},
		{"reserved, the last", func(a *Addressing) { a.FloatingIP = ip("10.0.2.255") }, "floating_ip reserved", "10.0.2.255 is reserved by Azure"},
		{"the same twice", func(a *Addressing) { a.Secondary = a.Primary }, "secondary_ip duplicate", "10.0.2.10 is the primary's"},
		{"FIP is the primary's", func(a *Addressing) { a.FloatingIP = a.Primary }, "floating_ip floating-ip", "floating IP 10.0.2.10 is the management IP of the primary"},
		{"FIP is the secondary's", func(a *Addressing) { a.FloatingIP = a.Secondary }, "floating_ip floating-ip", "management IP of the secondary"},
		{"FIP alone", func(a *Addressing) { a.Secondary = netip.Addr{} }, "secondary_ip secondary-and-ha", "10.0.2.100"},
		{"secondary alone", func(a *Addressing) { a.FloatingIP = netip.Addr{} }, "floating_ip secondary-and-ha", "10.0.2.11"},
		{"range without a name", func(a *Addressing) { a.Ranges[1].Name = "" }, "ranges[1].name name", "10.0.9.0/24: a name is missing"},
		{"range with a bad name", func(a *Addressing) { a.Ranges[1].Name = "a\nb" }, "ranges[1].name name", "can't be shown"},
		{"two of one name", func(a *Addressing) { a.Ranges[1].Name = "VNet" }, "ranges[1].name duplicate", `"VNet"`},
		{"equal ranges", func(a *Addressing) { a.Ranges[2].Prefix = pre("10.0.9.0/24") }, "ranges[2].prefix duplicate", `10.0.9.0/24 is the range "lab" already`},
		{"equal to native", func(a *Addressing) { a.Ranges[1].Prefix = a.Native }, "ranges[1].prefix inside-native", "10.0.2.0/24"},
		{"inside native", func(a *Addressing) { a.Ranges[1].Prefix = pre("10.0.2.64/26") }, "ranges[1].prefix inside-native", "10.0.2.64/26 is inside the native range 10.0.2.0/24"},
		{"range /31", func(a *Addressing) { a.Ranges[1].Prefix = pre("10.0.9.0/31") }, "ranges[1].prefix size", "10.0.9.0/31"},
		{"range /32", func(a *Addressing) { a.Ranges[1].Prefix = pre("10.0.9.0/32") }, "ranges[1].prefix size", "10.0.9.0/32"},
		{"default route", func(a *Addressing) { a.Ranges[1].Prefix = pre("0.0.0.0/0") }, "ranges[1].prefix size", "0.0.0.0/0"},
		{"range with host bits", func(a *Addressing) { a.Ranges[1].Prefix = pre("10.0.9.1/24") }, "ranges[1].prefix host-bits", "is 10.0.9.0/24 meant?"},
		{"gateway outside", func(a *Addressing) { a.Ranges[1].Gateway = ip("10.0.9.1") }, "ranges[1].gateway outside", `range "lab": next hop: address 10.0.9.1 is outside the subnet 10.0.2.0/24`},
		{"gateway reserved", func(a *Addressing) { a.Ranges[1].Gateway = ip("10.0.2.2") }, "ranges[1].gateway reserved", "10.0.2.2"},
		{"gateway is Azure's", func(a *Addressing) { a.Ranges[1].Gateway = ip("10.0.2.1") }, "ranges[1].gateway default-router", "leave the gateway out"},
		{"gateway is the FIP", func(a *Addressing) { a.Ranges[1].Gateway = a.FloatingIP }, "ranges[1].gateway gateway-is-own", "10.0.2.100 is the floating IP"},
		{"gateway is the secondary", func(a *Addressing) { a.Ranges[1].Gateway = a.Secondary }, "ranges[1].gateway gateway-is-own", "10.0.2.11 is the secondary's LAN IP"},
		{"several", func(a *Addressing) { a.Primary, a.Ranges[1].Gateway = ip("10.0.2.0"), ip("10.0.2.1") }, "primary_ip reserved, ranges[1].gateway default-router", ""},
	} {
		a := plan()
		c.spoil(&a)
		faults := a.Check()
		var got []string
		for _, f := range faults {
			got = append(got, fmt.Sprint(f.Field, " ", f.Rule))
		}
		if strings.Join(got, ", ") != c.want || !strings.Contains(faults[0].Message, c.says) {
			t.Errorf("%s: %v, %v", c.name, got, faults)
		}
	}
}

// E6: an address belongs to one site of an account.
func TestOtherSitesE6(t *testing.T) {
	pre := netip.MustParsePrefix
	others := []Owned{{"lyon", "", pre("10.1.2.0/24")}, {"lyon", "far", pre("172.16.0.0/12")}}
	if faults := plan().CheckOthers(others); faults != nil {
		t.Errorf("%v", faults)
	}
	a := plan()
	a.Native = pre("10.1.0.0/16")
	a.Ranges[0].Prefix = pre("10.0.0.0/8")
	a.Ranges[1].Prefix = pre("172.16.9.0/24")
	var got []string
	for _, f := range a.CheckOthers(others) {
		got = append(got, f.Field+" "+string(f.Rule)+": "+f.Message)
	}
	want := `native other-site: native range 10.1.0.0/16 overlaps 10.1.2.0/24, the native range of the site "lyon"
ranges[0].prefix other-site: range "vnet" 10.0.0.0/8 overlaps 10.1.2.0/24, the native range of the site "lyon"
ranges[1].prefix other-site: range "lab" 172.16.9.0/24 overlaps 172.16.0.0/12, the range "far" of the site "lyon"`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

func TestLast(t *testing.T) {
	for p, want := range map[string]string{"10.0.2.0/24": "10.0.2.255", "0.0.0.0/0": "255.255.255.255", "10.0.0.7/32": "10.0.0.7", "10.0.2.9/29": "10.0.2.15"} {
		if got := Last(netip.MustParsePrefix(p)); got.String() != want {
			t.Errorf("%s: %s", p, got)
		}
	}
}
