package frame

import "encoding/binary"

// arpLen is the length of an ARP message for IPv4 over Ethernet (RFC 826).
const arpLen = 28

const (
	arpRequest = 1
	arpReply   = 2
)

// ARP is an ARP message for IPv4 over Ethernet.
type ARP struct {
	Request        bool
	Sender, Target Addr
}

// Gratuitous reports whether the message is an announcement (RFC 5227 section
// 3) rather than a question: a reply, or one about the sender's own address.
func (a ARP) Gratuitous() bool { return !a.Request || a.Sender == a.Target }

// ParseARP reads the ARP message of a frame whose EtherType is TypeARP.
func ParseARP(f []byte) (a ARP, ok bool) {
	if len(f) < HeaderLen+arpLen {
		return a, false
	}
	m := f[HeaderLen:]
	op := binary.BigEndian.Uint16(m[6:])
	// hardware Ethernet, protocol IPv4, their address lengths
	if binary.BigEndian.Uint64(m)>>16 != 0x0001_0800_06_04 || op != arpRequest && op != arpReply {
		return a, false
	}
	return ARP{Request: op == arpRequest, Sender: addrAt(m, 14), Target: addrAt(m, 24)}, true
}

// AnswerARP turns the request in f into its answer: the target is at mac. It
// returns the frame to send, which is f cut to the message.
func AnswerARP(f []byte, mac [6]byte) []byte {
	f = f[:HeaderLen+arpLen]
	m := f[HeaderLen:]
	var asker [10]byte // MAC and address
	copy(asker[:], m[8:18])
	binary.BigEndian.PutUint16(m[6:], arpReply)
	copy(m[8:14], mac[:])
	copy(m[14:18], m[24:28])
	copy(m[18:28], asker[:])
	SetMACs(f, [6]byte(asker[:6]), mac)
	return f
}
