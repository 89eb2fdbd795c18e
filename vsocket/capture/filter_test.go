package capture

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

var (
	here, there, other = netip.MustParseAddr("10.102.2.10"), netip.MustParseAddr("10.102.2.20"), netip.MustParseAddr("1.1.1.1")
)

// datagram is an IPv4 one from here to there.
func datagram(protocol byte, fragment uint16, from, to uint16) []byte {
	b := make([]byte, 28)
	b[0], b[9] = 0x45, protocol
	binary.BigEndian.PutUint16(b[6:], fragment)
	copy(b[12:], here.AsSlice())
	copy(b[16:], there.AsSlice())
	binary.BigEndian.PutUint16(b[20:], from)
	binary.BigEndian.PutUint16(b[22:], to)
	return b
}

func frame(kind uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 12), kind), payload...)
}

func arp() []byte {
	b := make([]byte, 28)
	copy(b[14:], here.AsSlice())
	copy(b[24:], there.AsSlice())
	return b
}

func TestFilter(t *testing.T) {
	packets := map[string][]byte{
		"tcp 1000>443": frame(etherIPv4, datagram(6, 0, 1000, 443)), "udp 53>1000": frame(etherIPv4, datagram(17, 0, 53, 1000)),
		"icmp": frame(etherIPv4, datagram(1, 0, 0x0800, 443)), "arp": frame(etherARP, arp()), "later part": frame(etherIPv4, datagram(6, 100, 443, 443)),
		"ipv6": frame(0x86dd, make([]byte, 40)),
	}
	for _, c := range []struct {
		filter Filter
		want   []string
	}{
		{Filter{}, []string{"tcp 1000>443", "udp 53>1000", "icmp", "arp", "later part", "ipv6"}},
		{Filter{Protocol: "tcp"}, []string{"tcp 1000>443", "later part"}},
		{Filter{Protocol: "icmp"}, []string{"icmp"}},
		{Filter{Protocol: "arp"}, []string{"arp"}},
		{Filter{Protocol: "arp", Host: there}, []string{"arp"}},
		{Filter{Protocol: "arp", Host: other}, nil},
		{Filter{Host: here}, []string{"tcp 1000>443", "udp 53>1000", "icmp", "later part"}},
		{Filter{Host: there, Protocol: "udp"}, []string{"udp 53>1000"}},
		{Filter{Host: other}, nil},
		{Filter{Port: 443}, []string{"tcp 1000>443"}},
		{Filter{Port: 1000}, []string{"tcp 1000>443", "udp 53>1000"}},
		{Filter{Port: 53, Protocol: "tcp"}, nil},
		{Filter{Port: 443, Host: here}, []string{"tcp 1000>443"}},
		{Filter{Port: 443, Host: there, Protocol: "tcp"}, []string{"tcp 1000>443"}},
		{Filter{Port: 443, Host: other}, nil},
	} {
		for _, link := range []uint32{linkEthernet, linkRaw} {
			vm, err := bpf.NewVM(resolve(c.filter.tests(link)))
			if err != nil {
				t.Fatalf("%+v: %v", c.filter, err)
			}
			want := map[string]bool{}
			for _, name := range c.want {
				want[name] = true
			}
			for name, packet := range packets {
				if link == linkRaw {
					packet = packet[etherHead:]
					if c.filter != (Filter{}) && (name == "arp" || name == "ipv6") {
						want[name] = false // a tunnel has no ARP
					}
				}
				if n, err := vm.Run(packet); err != nil || (n > 0) != want[name] {
					t.Errorf("link %d, %+v: %s: %d, %v", link, c.filter, name, n, err)
				}
			}
		}
	}
}

func TestCheck(t *testing.T) {
	good := Capture{Interface: "lan", Time: MostTime, Packets: 1, Bytes: MostBytes}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Capture){
		"time": func(c *Capture) { c.Time = 0 }, "packets": func(c *Capture) { c.Packets = MostPackets + 1 },
		"bytes": func(c *Capture) { c.Bytes = 0 }, "protocol": func(c *Capture) { c.Filter.Protocol = "ipx" },
		"host": func(c *Capture) { c.Filter.Host = netip.IPv6Loopback() },
		"port": func(c *Capture) { c.Filter = Filter{Protocol: "icmp", Port: 7} },
	} {
		c := good
		if spoil(&c); c.Check() == nil {
			t.Errorf("%s out of bounds is taken", name)
		}
	}
}
