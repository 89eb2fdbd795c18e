package nsg

import (
	"net/netip"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
)

func addr(text string) frame.Addr { return frame.FromNetip(netip.MustParseAddr(text)) }

func prefixList(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func packet(proto uint8, src string, srcPort uint16, dst string, dstPort uint16) *frame.Packet {
	return &frame.Packet{
		Proto: proto, Src: addr(src), Dst: addr(dst),
		HasPorts: true, SrcPort: srcPort, DstPort: dstPort,
	}
}

// reply is the packet that answers p.
func reply(p *frame.Packet) *frame.Packet {
	r := *p
	r.Src, r.Dst, r.SrcPort, r.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	return &r
}

var (
	anyDeny  = plane.Rule{Name: "DenyAll", Priority: 65500}
	vnet     = prefixList("10.102.0.0/16")
	vnetIn   = plane.Rule{Name: "AllowVnet", Priority: 65000, Allow: true, Src: vnet, Dst: vnet}
	allowSSH = plane.Rule{
		Name: "ssh", Priority: 100, Allow: true, Proto: frame.TCP,
		Src: prefixList("192.0.2.0/24", "198.51.100.7/32"), DstPorts: []plane.PortRange{{From: 22, To: 23}},
	}
)

func TestPolicy(t *testing.T) {
	ssh := packet(frame.TCP, "192.0.2.9", 40000, "10.102.1.10", 22)
	inside := packet(frame.UDP, "10.102.4.4", 1, "10.102.2.10", 20480)
	ping := &frame.Packet{Proto: frame.ICMP, Src: addr("192.0.2.9"), Dst: addr("10.102.1.10"), HasPorts: true, SrcPort: 22, DstPort: 22}
	esp := &frame.Packet{Proto: 50, Src: addr("10.102.4.4"), Dst: addr("10.102.2.10")}
	group := func(rules ...plane.Rule) plane.NSG { return plane.NSG{Rules: rules} }
	for _, tc := range []struct {
		name   string
		groups []plane.NSG
		pkt    *frame.Packet
		want   bool
	}{
		{"no group allows", nil, ssh, true},
		{"a group without a matching rule denies", []plane.NSG{group()}, ssh, false},
		{"first of the range", []plane.NSG{group(allowSSH, anyDeny)}, ssh, true},
		{"last of the range", []plane.NSG{group(allowSSH, anyDeny)}, packet(frame.TCP, "198.51.100.7", 1, "10.102.1.10", 23), true},
		{"port beyond the range", []plane.NSG{group(allowSSH, anyDeny)}, packet(frame.TCP, "192.0.2.9", 1, "10.102.1.10", 24), false},
		{"other protocol", []plane.NSG{group(allowSSH, anyDeny)}, packet(frame.UDP, "192.0.2.9", 1, "10.102.1.10", 22), false},
		{"source in neither prefix", []plane.NSG{group(allowSSH, anyDeny)}, packet(frame.TCP, "198.51.100.8", 1, "10.102.1.10", 22), false},
		{"the higher priority decides", []plane.NSG{group(anyDeny, allowSSH)}, ssh, false},
		{"the subnet's allows, the NIC's denies", []plane.NSG{group(allowSSH, anyDeny), group(anyDeny)}, ssh, false},
		{"both allow", []plane.NSG{group(vnetIn, anyDeny), group(vnetIn, anyDeny)}, inside, true},
		{"source and destination both count", []plane.NSG{group(vnetIn, anyDeny)}, ssh, false},
		{"an echo has no port", []plane.NSG{group(plane.Rule{Allow: true, DstPorts: []plane.PortRange{{From: 22, To: 22}}}, anyDeny)}, ping, false},
		{"an echo matches all ports", []plane.NSG{group(plane.Rule{Allow: true, DstPorts: []plane.PortRange{{From: 0, To: 65535}}}, anyDeny)}, ping, true},
		{"no ports, no port list", []plane.NSG{group(vnetIn, anyDeny)}, esp, true},
		{"source ports", []plane.NSG{group(plane.Rule{Allow: true, SrcPorts: []plane.PortRange{{From: 40000, To: 40000}}}, anyDeny)}, ssh, true},
		{"only IPv6 sources", []plane.NSG{group(plane.Rule{Allow: true, Src: prefixList("fd00::/8")}, anyDeny)}, ssh, false},
		{"0/0", []plane.NSG{group(plane.Rule{Allow: true, Src: prefixList("0.0.0.0/0")}, anyDeny)}, ssh, true},
	} {
		if got := Compile(tc.groups).Allows(tc.pkt); got != tc.want {
			t.Errorf("%s: allows is %v", tc.name, got)
		}
	}
}

// denied is a policy that lets nothing new pass.
var denied = Compile([]plane.NSG{{Rules: []plane.Rule{anyDeny}}})

func TestFlowsAreStateful(t *testing.T) {
	var f Flows
	out := packet(frame.TCP, "10.102.4.4", 4711, "192.0.2.1", 443)
	if v := f.Check(denied, reply(out), In, 0); v != Deny {
		t.Fatalf("a reply to nothing: %v", v)
	}
	if v := f.Check(nil, out, Out, 0); v != Allow {
		t.Fatalf("first packet: %v", v)
	}
	if v := f.Check(denied, reply(out), In, 2*time.Second); v != Allow {
		t.Errorf("reply: %v", v)
	}
	if v := f.Check(denied, out, Out, 2*time.Second); v != Allow {
		t.Errorf("after the rules have changed: %v", v)
	}
	other := packet(frame.TCP, "10.102.4.4", 4712, "192.0.2.1", 443)
	if v := f.Check(denied, reply(other), In, 2*time.Second); v != Deny {
		t.Errorf("reply from another port: %v", v)
	}
	if v := f.Check(denied, out, Out, 2*time.Second+Idle-time.Millisecond); v != Allow {
		t.Errorf("just before the flow is idle: %v", v)
	}
	if v := f.Check(denied, out, Out, 3*Idle); v != Deny {
		t.Errorf("after the flow was idle: %v", v)
	}
	f.Sweep(3 * Idle)
	if f.Len() != 0 {
		t.Errorf("%d flows after the sweep", f.Len())
	}
}

func TestEchoIsAFlowByIdentifier(t *testing.T) {
	var f Flows
	echo := packet(frame.ICMP, "10.102.4.4", 7, "192.0.2.1", 7)
	f.Check(nil, echo, Out, 0)
	if v := f.Check(denied, reply(echo), In, 0); v != Allow {
		t.Errorf("echo reply: %v", v)
	}
	foreign := packet(frame.ICMP, "192.0.2.1", 8, "10.102.4.4", 8)
	if v := f.Check(denied, foreign, In, 0); v != Deny {
		t.Errorf("reply of another identifier: %v", v)
	}
}

// An ICMP error about a flow passes like the flow; one about nothing known
// doesn't.
func TestErrorsFollowTheirFlow(t *testing.T) {
	var f Flows
	f.Check(nil, packet(frame.UDP, "10.102.4.4", 1000, "192.0.2.1", 53), Out, 0)
	for _, tc := range []struct {
		port uint16
		want Verdict
	}{{1000, Allow}, {1001, Deny}} {
		if v := f.Check(denied, unreachable(t, tc.port), In, 0); v != tc.want {
			t.Errorf("error about port %d: %v", tc.port, v)
		}
	}
}

// unreachable is a router's answer to a UDP packet from 10.102.4.4:port to
// 192.0.2.1:53.
func unreachable(t *testing.T, port uint16) *frame.Packet {
	t.Helper()
	quoted := []byte{
		0x45, 0, 0, 28, 0, 0, 0, 0, 64, frame.UDP, 0, 0, 10, 102, 4, 4, 192, 0, 2, 1,
		byte(port >> 8), byte(port), 0, 53, 0, 8, 0, 0,
	}
	eth := make([]byte, frame.HeaderLen)
	eth[12] = 8
	eth = append(eth, 0x45, 0, 0, 56, 0, 0, 0, 0, 64, frame.ICMP, 0, 0, 198, 51, 100, 1, 10, 102, 4, 4)
	eth = append(eth, 3, 3, 0, 0, 0, 0, 0, 0)
	p, ok := frame.Parse(nil, append(eth, quoted...))
	if !ok {
		t.Fatal("the test's own packet can't be read")
	}
	return &p
}

func TestFragmentsFollowTheirFirst(t *testing.T) {
	var f Flows
	first := packet(frame.UDP, "10.102.4.4", 1, "10.102.2.10", 2)
	first.First, first.ID = true, 99
	later := &frame.Packet{Proto: frame.UDP, Src: first.Src, Dst: first.Dst, Later: true, ID: 99}
	if v := f.Check(nil, later, In, 0); v != Orphaned {
		t.Errorf("fragment without its first: %v", v)
	}
	f.Check(nil, first, In, 0)
	if v := f.Check(denied, later, In, 0); v != Allow {
		t.Errorf("fragment after its first: %v", v)
	}
	later.ID = 100
	if v := f.Check(nil, later, In, 0); v != Orphaned {
		t.Errorf("fragment of another packet: %v", v)
	}
}

// The table is bounded, and a full one refuses new flows without forgetting
// old ones.
func TestFlowsLimit(t *testing.T) {
	var f Flows
	first := packet(frame.UDP, "10.0.0.1", 1, "10.0.0.2", 1)
	f.Check(nil, first, Out, 0)
	p := packet(frame.UDP, "10.0.0.1", 1, "10.0.1.0", 1)
	for f.Len() < Limit {
		p.Dst++
		if v := f.Check(nil, p, Out, 0); v != Allow {
			t.Fatalf("flow %d: %v", f.Len(), v)
		}
	}
	p.Dst++
	if v := f.Check(nil, p, Out, 0); v != Full {
		t.Errorf("one flow too many: %v", v)
	}
	if v := f.Check(denied, first, Out, 0); v != Allow {
		t.Errorf("the first flow: %v", v)
	}
}

func BenchmarkCheckKnownFlow(b *testing.B) {
	var f Flows
	p := packet(frame.UDP, "10.0.0.1", 1, "10.0.0.2", 1)
	f.Check(nil, p, Out, 0)
	b.ReportAllocs()
	for b.Loop() {
		f.Check(denied, p, Out, 0)
	}
}
