package frame

import "encoding/binary"

// ICMP types (RFC 792).
const (
	icmpEchoReply    = 0
	icmpUnreachable  = 3
	icmpQuench       = 4
	icmpRedirect     = 5
	icmpEcho         = 8
	icmpTimeExceeded = 11
	icmpParameter    = 12
)

// icmpQuoteAt is where an ICMP error quotes the packet that it is about.
const icmpQuoteAt = 8

// Quote is the head of the packet that an ICMP error is about.
type Quote struct {
	Proto            uint8
	Src, Dst         Addr
	HasPorts         bool
	SrcPort, DstPort uint16
}

// Quote reads the packet quoted by an ICMP error; false if p is none.
func (p *Packet) Quote() (q Quote, ok bool) {
	quoted := p.quoted()
	if quoted == nil {
		return q, false
	}
	q.Proto, q.Src, q.Dst = quoted[9], addrAt(quoted, 12), addrAt(quoted, 16)
	t := quotedTransport(quoted)
	switch {
	case len(t) < 8:
	case q.Proto == TCP || q.Proto == UDP:
		q.SrcPort, q.DstPort = binary.BigEndian.Uint16(t), binary.BigEndian.Uint16(t[2:])
		q.HasPorts = true
	case q.Proto == ICMP && (t[0] == icmpEcho || t[0] == icmpEchoReply):
		q.SrcPort = binary.BigEndian.Uint16(t[4:])
		q.DstPort = q.SrcPort
		q.HasPorts = true
	}
	return q, true
}

// quoted returns the quoted IPv4 header and what follows it, or nil.
func (p *Packet) quoted() []byte {
	if p.Proto != ICMP || p.Later || len(p.ip) < p.l4+icmpQuoteAt+20 {
		return nil
	}
	switch p.ip[p.l4] {
	case icmpUnreachable, icmpQuench, icmpRedirect, icmpTimeExceeded, icmpParameter:
	default:
		return nil
	}
	quoted := p.ip[p.l4+icmpQuoteAt:]
	head := int(quoted[0]&0xf) * 4
	if quoted[0]>>4 != 4 || head < 20 || head > len(quoted) {
		return nil
	}
	return quoted
}

// quotedTransport is what a quote has of the transport header; empty if the
// quoted packet is a later fragment.
func quotedTransport(quoted []byte) []byte {
	if binary.BigEndian.Uint16(quoted[6:])&0x1fff != 0 {
		return nil
	}
	return quoted[int(quoted[0]&0xf)*4:]
}
