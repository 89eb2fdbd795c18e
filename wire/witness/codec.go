package witness

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// Both layouts are fixed; docs/protocol.md draws them. All numbers are
// big-endian. The first byte after the magic is the kind.
var magic = [4]byte{'R', 'L', 'W', 2} // the last byte is the format's version

const (
	questionKind = 'q'
	replyKind    = 'r'
)

// Why a datagram isn't believed.
var (
	ErrMalformed = errors.New("witness: malformed")
	ErrForged    = errors.New("witness: not signed with the vSocket's key")
)

// Sizes of the bodies, in bytes, without the signature.
const (
	QuestionSize = 184
	ReplySize    = 176
)

// Sender tells whose question a datagram claims to be, so that its key can be
// looked up. Nothing else of it may be believed before.
func Sender(datagram []byte) (id uint64, from site.Side, ok bool) {
	if len(datagram) < QuestionSize || [4]byte(datagram[:4]) != magic || datagram[4] != questionKind {
		return 0, site.NoSide, false
	}
	from = site.Side(datagram[5])
	return binary.BigEndian.Uint64(datagram[8:]), from, from == site.Primary || from == site.Secondary
}

// AppendQuestion encodes q behind dst and signs it.
func AppendQuestion(dst []byte, q *Question, mac auth.MAC) []byte {
	c := coder{b: dst}
	c.question(q)
	return mac.Append(c.b, c.b[len(dst):])
}

// AppendReply encodes r behind dst and signs it.
func AppendReply(dst []byte, r *Reply, mac auth.MAC) []byte {
	c := coder{b: dst}
	c.reply(r)
	return mac.Append(c.b, c.b[len(dst):])
}

// DecodeQuestion reads what AppendQuestion wrote. On an error q must not be used.
func DecodeQuestion(datagram []byte, q *Question, mac auth.MAC) error {
	body, err := opened(datagram, QuestionSize, mac)
	if err != nil {
		return err
	}
	c := coder{b: body, reading: true}
	c.question(q)
	return c.err()
}

// DecodeReply reads what AppendReply wrote. On an error r must not be used.
func DecodeReply(datagram []byte, r *Reply, mac auth.MAC) error {
	body, err := opened(datagram, ReplySize, mac)
	if err != nil {
		return err
	}
	c := coder{b: body, reading: true}
	c.reply(r)
	return c.err()
}

func opened(datagram []byte, size int, mac auth.MAC) ([]byte, error) {
	if len(datagram) != size+mac.Size() {
		return nil, ErrMalformed
	}
	if !mac.Verify(datagram[:size], datagram[size:]) {
		return nil, ErrForged
	}
	return datagram[:size], nil
}

func (c *coder) question(q *Question) {
	c.head(questionKind, &q.From, &q.Site)
	c.fixed(q.Boot[:])
	c.word(&q.Seq)
	c.span(&q.Sent)
	c.word(&q.Nonce)
	c.word(&q.Run)
	c.word(&q.Heard)
	c.span(&q.Age)
	c.claim(&q.Granted)
	c.flags(&q.Fit, &q.Leased, &q.AzureOK, &q.Claim.Yielded)
	c.role(&q.Role)
	c.reason(&q.Reason)
	c.pad(1)
	c.version(&q.Version)
	c.term(&q.Ask.Term)
	c.span(&q.Ask.Lease)
	c.term(&q.Claim.From)
	c.word(&q.Claim.Nonce)
	c.word(&q.Claim.Generation)
	c.span(&q.Claim.Lease)
	c.term(&q.Transfer)
	c.term(&q.Yielded)
	c.word(&q.Visit)
}

func (c *coder) reply(r *Reply) {
	c.head(replyKind, &r.To, &r.Site)
	c.word(&r.Run)
	c.word(&r.Seq)
	c.word(&r.Nonce)
	c.fixed(r.Boot[:])
	c.word(&r.Heard)
	c.span(&r.Sent)
	c.claim(&r.Record)
	c.word(&r.Grant)
	c.term(&r.Answer)
	v := &r.Other
	c.fixed(v.Boot[:])
	c.word(&v.Seq)
	c.span(&v.Age)
	c.term(&v.Term)
	c.term(&v.Yielded)
	c.flags(&v.Fit, &v.Leased, &v.AzureOK)
	c.role(&v.Role)
	c.reason(&v.Reason)
	c.byte((*byte)(&r.State))
	c.version(&v.Version)
	c.pad(16)
	c.check(r.State < states)
}

// coder writes a body, or reads one: one list of fields for both ways.
type coder struct {
	b       []byte
	reading bool
	bad     bool
}

func (c *coder) err() error {
	if c.bad || len(c.b) != 0 {
		return ErrMalformed
	}
	return nil
}

func (c *coder) check(ok bool) { c.bad = c.bad || !ok }

func (c *coder) fixed(field []byte) {
	if !c.reading {
		c.b = append(c.b, field...)
		return
	}
	c.b = c.b[copy(field, c.b):]
}

func (c *coder) byte(v *byte) {
	if !c.reading {
		c.b = append(c.b, *v)
		return
	}
	*v, c.b = c.b[0], c.b[1:]
}

// pad is zero, for what later versions may put there.
func (c *coder) pad(n int) {
	var zeros, read [16]byte
	if !c.reading {
		c.b = append(c.b, zeros[:n]...)
		return
	}
	c.b = c.b[copy(read[:n], c.b):]
	c.check(read == zeros)
}

func (c *coder) word(v *uint64) {
	if !c.reading {
		c.b = binary.BigEndian.AppendUint64(c.b, *v)
		return
	}
	*v, c.b = binary.BigEndian.Uint64(c.b), c.b[8:]
}

func (c *coder) term(t *site.Term) { c.word((*uint64)(t)) }

// span: a negative one is nobody's clock.
func (c *coder) span(d *time.Duration) {
	v := uint64(max(0, *d))
	c.word(&v)
	c.check(v <= math.MaxInt64)
	*d = time.Duration(v & math.MaxInt64)
}

// head is 16 bytes: magic, kind, side, two of padding, site.
func (c *coder) head(kind byte, side *site.Side, id *uint64) {
	m, k := magic, kind
	c.fixed(m[:])
	c.byte(&k)
	c.check(m == magic && k == kind)
	c.side(side, site.Primary)
	c.pad(2)
	c.word(id)
}

func (c *coder) side(side *site.Side, least site.Side) {
	c.byte((*byte)(side))
	c.check(*side >= least && *side <= site.Secondary)
}

// claim is 32 bytes.
func (c *coder) claim(claim *site.Claim) {
	c.term(&claim.Term)
	c.fixed(claim.Boot[:])
	c.word(&claim.Generation)
	c.side(&claim.Holder, site.NoSide)
	c.pad(7)
}

func (c *coder) role(role *site.Role) {
	c.byte((*byte)(role))
	c.check(*role <= site.Suspended)
}

// reason: one that we don't know is no danger, it is only shown.
func (c *coder) reason(r *keepalive.Reason) { c.byte((*byte)(r)) }

func (c *coder) version(v *site.Version) {
	var field [4]byte
	binary.BigEndian.PutUint16(field[:], v.Major)
	binary.BigEndian.PutUint16(field[2:], v.Minor)
	c.fixed(field[:])
	v.Major, v.Minor = binary.BigEndian.Uint16(field[:]), binary.BigEndian.Uint16(field[2:])
}

// flags is a byte.
func (c *coder) flags(flags ...*bool) {
	var bits byte
	for i, flag := range flags {
		if *flag {
			bits |= 1 << i
		}
	}
	c.byte(&bits)
	c.check(bits>>len(flags) == 0)
	for i, flag := range flags {
		*flag = bits&(1<<i) != 0
	}
}
