package keepalive

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
)

// The layout is fixed; docs/protocol.md draws it. All numbers are big-endian.
const (
	offPath    = 4
	offFlags   = 8
	offVersion = 12
	offBoot    = 16
	offSeq     = 24
	offSent    = 32
	offNonces  = 40
	offGranted = 64
	offEcho    = 96
	offAsk     = 144
	offAnswer  = 168
	offYielded = 184
	offHolds   = 208
	bodySize   = 216
	echoSize   = 24
)

var magic = [4]byte{'R', 'L', 'V', 1} // the last byte is the format's version

// The flags.
const (
	flagFit = 1 << iota
	flagThirdOK
	flagSteered
	flagLeased
	flagWants
	flagAzureOK
	flagWaits
	flagsKnown = 1<<iota - 1
)

// Why a datagram isn't believed.
var (
	ErrMalformed = errors.New("keepalive: malformed")
	ErrForged    = errors.New("keepalive: not signed with the site's key")
)

// Size is how long a datagram is with mac.
func Size(mac auth.MAC) int { return bodySize + mac.Size() }

// Append encodes m behind dst and signs it.
func Append(dst []byte, m *Message, mac auth.MAC) []byte {
	start := len(dst)
	var b [bodySize]byte
	put(&b, m)
	dst = append(dst, b[:]...)
	return mac.Append(dst, dst[start:])
}

// Decode reads what Append wrote into m. On ErrMalformed or ErrForged m's
// content is undefined and must not be used.
func Decode(datagram []byte, m *Message, mac auth.MAC) error {
	if len(datagram) != Size(mac) || [4]byte(datagram[:4]) != magic {
		return ErrMalformed
	}
	if !mac.Verify(datagram[:bodySize], datagram[bodySize:]) {
		return ErrForged
	}
	if !get((*[bodySize]byte)(datagram), m) {
		return ErrMalformed
	}
	return nil
}

func put(b *[bodySize]byte, m *Message) {
	copy(b[:], magic[:])
	b[offPath], b[offPath+1], b[offPath+2], b[offPath+3] = byte(m.Path), byte(m.From), byte(m.Role), byte(m.Third)
	binary.BigEndian.PutUint16(b[offFlags:], flags(m))
	b[offFlags+2], b[offFlags+3] = byte(m.Reason), m.PoP
	binary.BigEndian.PutUint16(b[offVersion:], m.Version.Major)
	binary.BigEndian.PutUint16(b[offVersion+2:], m.Version.Minor)
	copy(b[offBoot:], m.Boot[:])
	word(b, offSeq, m.Seq)
	span(b, offSent, m.Sent)
	word(b, offNonces, m.Nonce)
	word(b, offNonces+8, m.EchoNonce)
	word(b, offNonces+16, m.HelloNonce)
	word(b, offGranted, uint64(m.Granted.Term))
	copy(b[offGranted+8:], m.Granted.Boot[:])
	word(b, offGranted+16, m.Granted.Generation)
	b[offGranted+24] = byte(m.Granted.Holder)
	for i, echo := range m.Echo {
		at := offEcho + i*echoSize
		copy(b[at:], echo.Boot[:])
		word(b, at+8, echo.Seq)
		span(b, at+16, echo.Age)
	}
	word(b, offAsk, uint64(m.Ask.Term))
	span(b, offAsk+8, m.Ask.SentAt)
	span(b, offAsk+16, m.Ask.Lease)
	word(b, offAnswer, uint64(m.Answer.Term))
	span(b, offAnswer+8, m.Answer.SentAt)
	word(b, offYielded, uint64(m.Yielded))
	word(b, offYielded+8, uint64(m.Prepare))
	word(b, offYielded+16, uint64(m.Ready))
	word(b, offHolds, m.Holds)
}

// get reports whether every field has a value that put could have written.
func get(b *[bodySize]byte, m *Message) bool {
	m.Path, m.From, m.Role, m.Third = Path(b[offPath]), site.Side(b[offPath+1]), site.Role(b[offPath+2]), Third(b[offPath+3])
	bits := binary.BigEndian.Uint16(b[offFlags:])
	m.Fit, m.ThirdOK, m.Steered, m.Leased = bits&flagFit != 0, bits&flagThirdOK != 0, bits&flagSteered != 0, bits&flagLeased != 0
	m.Wants, m.AzureOK, m.Waits = bits&flagWants != 0, bits&flagAzureOK != 0, bits&flagWaits != 0
	m.Reason, m.PoP = Reason(b[offFlags+2]), b[offFlags+3]
	m.Version = site.Version{Major: binary.BigEndian.Uint16(b[offVersion:]), Minor: binary.BigEndian.Uint16(b[offVersion+2:])}
	copy(m.Boot[:], b[offBoot:])
	m.Seq = number(b, offSeq)
	m.Nonce, m.EchoNonce, m.HelloNonce = number(b, offNonces), number(b, offNonces+8), number(b, offNonces+16)
	m.Granted.Term = site.Term(number(b, offGranted))
	copy(m.Granted.Boot[:], b[offGranted+8:])
	m.Granted.Generation = number(b, offGranted+16)
	m.Granted.Holder = site.Side(b[offGranted+24])
	m.Ask.Term, m.Answer.Term = site.Term(number(b, offAsk)), site.Term(number(b, offAnswer))
	m.Yielded, m.Prepare, m.Ready = site.Term(number(b, offYielded)), site.Term(number(b, offYielded+8)), site.Term(number(b, offYielded+16))
	m.Holds = number(b, offHolds)
	ok := bits&^uint16(flagsKnown) == 0 && [7]byte(b[offGranted+25:]) == [7]byte{} && inRange(m)
	return getSpans(b, m) && ok
}

// getSpans reads the times. A negative one is nobody's clock.
func getSpans(b *[bodySize]byte, m *Message) bool {
	ok := getSpan(b, offSent, &m.Sent)
	ok = getSpan(b, offAsk+8, &m.Ask.SentAt) && ok
	ok = getSpan(b, offAsk+16, &m.Ask.Lease) && ok
	ok = getSpan(b, offAnswer+8, &m.Answer.SentAt) && ok
	for i := range m.Echo {
		at := offEcho + i*echoSize
		copy(m.Echo[i].Boot[:], b[at:])
		m.Echo[i].Seq = number(b, at+8)
		ok = getSpan(b, at+16, &m.Echo[i].Age) && ok
	}
	return ok
}

// inRange refuses values that no version has given a meaning. A Reason that we
// don't know is no danger: it is only shown.
func inRange(m *Message) bool {
	return m.Path < Paths && (m.From == site.Primary || m.From == site.Secondary) && m.Role <= site.Suspended &&
		m.Third <= Witness && m.Granted.Holder <= site.Secondary
}

func flags(m *Message) (bits uint16) {
	for i, set := range [...]bool{m.Fit, m.ThirdOK, m.Steered, m.Leased, m.Wants, m.AzureOK, m.Waits} {
		if set {
			bits |= 1 << i
		}
	}
	return bits
}

func word(b *[bodySize]byte, at int, v uint64) { binary.BigEndian.PutUint64(b[at:], v) }

func span(b *[bodySize]byte, at int, d time.Duration) { word(b, at, uint64(max(0, d))) }

func number(b *[bodySize]byte, at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }

func getSpan(b *[bodySize]byte, at int, d *time.Duration) bool {
	v := number(b, at)
	*d = time.Duration(v & math.MaxInt64)
	return v <= math.MaxInt64
}
