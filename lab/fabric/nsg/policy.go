// Package nsg decides as Azure's network security groups do: rules by
// priority, every group of a NIC must allow, and what was once allowed stays
// allowed, in both directions and whatever becomes of the rules, until the
// flow has been idle (azure.md section 5).
package nsg

import (
	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/lab/fabric/frame"
)

// Policy is the groups of one NIC in one direction, made ready for packets.
// An empty one allows everything, as Azure does without a group.
type Policy [][]rule

type rule struct {
	allow              bool
	proto              uint8
	src, dst           []Prefix
	srcPorts, dstPorts []plane.PortRange
}

// Prefix is an IPv4 prefix.
type Prefix struct{ addr, mask frame.Addr }

// Compile makes a policy of the published groups. Prefixes that aren't IPv4
// match nothing.
func Compile(groups []plane.NSG) Policy {
	policy := make(Policy, 0, len(groups))
	for _, g := range groups {
		rules := make([]rule, 0, len(g.Rules))
		for _, r := range g.Rules {
			rules = append(rules, rule{
				allow: r.Allow, proto: r.Proto,
				src: prefixes(r.Src), dst: prefixes(r.Dst),
				srcPorts: r.SrcPorts, dstPorts: r.DstPorts,
			})
		}
		policy = append(policy, rules)
	}
	return policy
}

// Allows reports whether every group lets the packet pass. A group in which
// no rule matches denies.
func (p Policy) Allows(pkt *frame.Packet) bool {
	for _, rules := range p {
		if !decide(rules, pkt) {
			return false
		}
	}
	return true
}

func decide(rules []rule, pkt *frame.Packet) bool {
	for i := range rules {
		if r := &rules[i]; r.matches(pkt) {
			return r.allow
		}
	}
	return false
}

func (r *rule) matches(pkt *frame.Packet) bool {
	return (r.proto == 0 || r.proto == pkt.Proto) &&
		holds(r.src, pkt.Src) && holds(r.dst, pkt.Dst) &&
		covers(r.srcPorts, pkt, pkt.SrcPort) && covers(r.dstPorts, pkt, pkt.DstPort)
}

func holds(list []Prefix, a frame.Addr) bool {
	if list == nil {
		return true
	}
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// covers is false for a packet without ports, unless the rule asks for none:
// an echo's identifier is no port.
func covers(list []plane.PortRange, pkt *frame.Packet, port uint16) bool {
	if len(list) == 0 {
		return true
	}
	for _, r := range list {
		if r.From == 0 && r.To == 0xffff {
			return true
		}
		if pkt.HasPorts && pkt.Proto != frame.ICMP && r.From <= port && port <= r.To {
			return true
		}
	}
	return false
}
