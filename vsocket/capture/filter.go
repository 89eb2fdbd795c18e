package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Filter says which packets are wanted; its zero value wants all. What is empty or
// 0 doesn't matter.
type Filter struct {
	Protocol string     // of Protocols
	Host     netip.Addr // IPv4, as source or destination
	Port     uint16     // of TCP or UDP, as source or destination
}

// Protocols are those that can be asked for; "" is any.
var Protocols = []string{"", "tcp", "udp", "icmp", "arp"}

var numbers = map[string]uint32{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "icmp": unix.IPPROTO_ICMP}

func (f *Filter) check() error {
	switch {
	case !slices.Contains(Protocols, f.Protocol):
		return fmt.Errorf("protocol: %q is none of tcp, udp, icmp and arp", f.Protocol)
	case f.Host.IsValid() && !f.Host.Is4():
		return fmt.Errorf("host: %s is not an IPv4 address", f.Host)
	case f.Port != 0 && (f.Protocol == "icmp" || f.Protocol == "arp"):
		return fmt.Errorf("port: %s has none", f.Protocol)
	}
	return nil
}

// Where the fields are: in an Ethernet frame, in IPv4's header (RFC 791) and in
// ARP's (RFC 826).
const (
	etherType, etherHead       = 12, 14
	etherIPv4, etherARP        = 0x0800, 0x0806
	ipFragment, ipProtocol     = 6, 9
	ipSource, ipDestination    = 12, 16
	arpSender, arpTarget       = 14, 24
	fragmentOffset             = 0x1fff
	sourcePort, destinationOff = 0, 2
)

// goal is where a test leads.
type goal int

const (
	next goal = iota
	accept
	reject
)

// test is an instruction that may lead to a verdict.
type test struct {
	bpf.Instruction
	yes, no goal // of a JumpIf
}

// program is the filter for the kernel (classic BPF).
func (f *Filter) program(link uint32) ([]bpf.RawInstruction, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return bpf.Assemble(resolve(f.tests(link)))
}

func (f *Filter) tests(link uint32) (list []test) {
	if *f == (Filter{}) {
		return nil
	}
	base := uint32(0)
	switch {
	case link == linkEthernet && f.Protocol == "arp":
		list = append(load(etherType, 2), is(etherARP, next, reject))
		return append(list, f.hostAt(etherHead+arpSender, etherHead+arpTarget)...)
	case f.Protocol == "arp": // there is none
		return []test{{bpf.LoadConstant{}, next, next}, is(0, reject, reject)}
	case link == linkEthernet:
		base = etherHead
		list = append(load(etherType, 2), is(etherIPv4, next, reject))
	default:
		list = append(load(0, 1), test{bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0}, next, next}, is(0x40, next, reject))
	}
	return append(list, f.ipv4(base)...)
}

// ipv4 tests a datagram that begins at base.
func (f *Filter) ipv4(base uint32) (list []test) {
	if f.Protocol != "" {
		list = append(load(base+ipProtocol, 1), is(numbers[f.Protocol], next, reject))
	} else if f.Port != 0 {
		list = append(load(base+ipProtocol, 1),
			test{bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_TCP, SkipTrue: 1}, next, next}, is(unix.IPPROTO_UDP, next, reject))
	}
	if f.Port == 0 {
		return append(list, f.hostAt(base+ipSource, base+ipDestination)...)
	}
	if f.Host.IsValid() {
		host := f.hostAt(base+ipSource, base+ipDestination)
		host[1] = test{bpf.JumpIf{Cond: bpf.JumpEqual, Val: f.host(), SkipTrue: 2}, next, next}
		list = append(list, host...)
	}
	port := uint32(f.Port)
	list = append(list, load(base+ipFragment, 2)...)
	return append(list,
		test{bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: fragmentOffset}, reject, next},
		test{bpf.LoadMemShift{Off: base}, next, next},
		test{bpf.LoadIndirect{Off: base + sourcePort, Size: 2}, next, next}, is(port, accept, next),
		test{bpf.LoadIndirect{Off: base + destinationOff, Size: 2}, next, next}, is(port, accept, reject))
}

func (f *Filter) host() uint32 {
	b := f.Host.As4()
	return binary.BigEndian.Uint32(b[:])
}

// hostAt wants the host at one of two places, if one is wanted.
func (f *Filter) hostAt(one, other uint32) []test {
	if !f.Host.IsValid() {
		return nil
	}
	list := append(load(one, 4), is(f.host(), accept, next))
	return append(append(list, load(other, 4)...), is(f.host(), next, reject))
}

func load(at uint32, size int) []test {
	return []test{{bpf.LoadAbsolute{Off: at, Size: size}, next, next}}
}

func is(value uint32, yes, no goal) test {
	return test{bpf.JumpIf{Cond: bpf.JumpEqual, Val: value}, yes, no}
}

// resolve puts the verdicts at the end and leads there.
func resolve(list []test) []bpf.Instruction {
	program := make([]bpf.Instruction, 0, len(list)+2)
	for i, t := range list {
		jump, ok := t.Instruction.(bpf.JumpIf)
		to := map[goal]uint8{accept: uint8(len(list) - i - 1), reject: uint8(len(list) - i)}
		if t.yes != next {
			jump.SkipTrue = to[t.yes]
		}
		if t.no != next {
			jump.SkipFalse = to[t.no]
		}
		if ok {
			t.Instruction = jump
		}
		program = append(program, t.Instruction)
	}
	return append(program, bpf.RetConstant{Val: snapLen}, bpf.RetConstant{Val: 0})
}
