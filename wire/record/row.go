package record

import (
	"bytes"
	"errors"
	"time"

	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// Rows writes rows, or reads them: it has what the next row's differences are
// from. A Head sets it back. The zero Rows is ready.
type Rows struct {
	at    time.Duration
	id    uint64 // of the last answer
	masks [keepalive.Paths]uint64
	mask  uint64 // of the last reply

	keepalives, replies series

	bodies [4][]byte
	oldest int // among bodies
}

// Append writes a row behind dst.
func (s *Rows) Append(dst []byte, r *Row) []byte {
	c := coder{b: dst}
	s.row(&c, r)
	return c.b
}

// ErrRow is a row that Append can't have written.
var ErrRow = errors.New("record: not a row")

// Read takes the next row off data. Texts and bytes may point into data.
func (s *Rows) Read(data []byte, r *Row) (rest []byte, err error) {
	c := coder{b: data, reading: true}
	s.row(&c, r)
	if c.bad {
		return nil, ErrRow
	}
	return c.b, nil
}

// A row's first byte is its kind, and above that a few bits of the kind's own.
const kindBits = 4

func (s *Rows) row(c *coder, r *Row) {
	first := [1]byte{byte(r.Kind) | mark(r)<<kindBits}
	c.fixed(first[:])
	if c.bad {
		return
	}
	if c.reading && !r.unmark(first[0]) {
		c.refuse()
		return
	}
	if r.Kind == HeadRow {
		*s = Rows{keepalives: series{body: s.keepalives.body}, replies: series{body: s.replies.body}}
	}
	if r.Kind.Input() || r.Kind == HeadRow {
		c.since(&r.At, s.at)
		s.at = r.At
	}
	s.rest(c, r)
}

func (s *Rows) rest(c *coder, r *Row) {
	switch r.Kind {
	case HeadRow:
		r.Head.code(c)
	case Datagram:
		s.datagram(c, r)
	case Reply:
		s.reply(c, r)
	case Tick:
		c.since(&r.Late, 0)
	case Answer:
		s.answer(c, &r.Response)
	case Metadata:
		c.since(&r.SentAt, r.At)
	case Note:
		c.wall(&r.Wall)
		c.text(&r.What)
		c.text(&r.Detail)
	case Settings, Floating:
		c.text(&r.Detail)
	case Failure:
		c.number(&r.N)
		c.text(&r.Detail)
	case Check:
		c.number(&r.Sum)
	}
}

// mark is what a kind has in its first byte.
func mark(r *Row) (m byte) {
	ok := byte(0)
	if r.OK {
		ok = 1
	}
	switch r.Kind {
	case Datagram:
		return byte(r.Path)
	case Metadata:
		return ok
	case Reading:
		return r.Probe<<1 | ok
	}
	return 0
}

func (r *Row) unmark(first byte) bool {
	r.Kind = Kind(first & (1<<kindBits - 1))
	m := first >> kindBits
	switch r.Kind {
	case Datagram:
		r.Path = keepalive.Path(m)
		return r.Path < keepalive.Paths
	case Metadata:
		r.OK = m&1 != 0
		return m <= 1
	case Reading:
		r.OK, r.Probe = m&1 != 0, m>>1
		return true
	}
	return m == 0 && r.Kind < Gap
}

func (h *Head) code(c *coder) {
	c.fixed(h.Boot[:])
	c.number(&h.Nonce)
	c.wall(&h.Wall)
	c.text(&h.Release)
	c.bytes(&h.Config)
	c.bytes(&h.State)
	c.number(&h.Lost)
	c.number(&h.Layout)
	c.bytes(&h.Checkpoint)
}

// pathByte is where a keepalive names its path (docs/protocol.md); the row has
// the path in its first byte, so that a message's second copy costs nothing.
const pathByte = 4

func (s *Rows) datagram(c *coder, r *Row) {
	if !c.reading {
		s.keepalives.write(c, r.Datagram, pathByte, &s.masks[r.Path])
		return
	}
	r.Datagram = s.keepalives.read(c, BodySize, &s.masks[r.Path])
	if r.Datagram[pathByte] != 0 {
		c.refuse()
	}
	r.Datagram[pathByte] = byte(r.Path)
}

func (s *Rows) reply(c *coder, r *Row) {
	if !c.reading {
		s.replies.write(c, r.Datagram, -1, &s.mask)
		return
	}
	r.Datagram = s.replies.read(c, witness.ReplySize, &s.mask)
}

// answer codes an answer. A body that was seen lately is named, not written:
// most reads show what the last ones did.
func (s *Rows) answer(c *coder, a *Response) {
	id := int64(a.ID - s.id)
	c.signed(&id)
	a.ID = s.id + uint64(id)
	s.id = a.ID
	c.since(&a.SentAt, s.at)
	c.int(&a.Status)
	for _, text := range [...]*string{&a.Code, &a.Detail, &a.Message, &a.Action, &a.Scope} {
		c.text(text)
	}
	c.since(&a.RetryAfter, 0)
	s.answerBody(c, a)
}

// What stands in place of a body.
const (
	noBody = iota
	newBody
	seenBody // and above: which
)

func (s *Rows) answerBody(c *coder, a *Response) {
	which := uint64(noBody)
	if !c.reading && len(a.Body) > 0 {
		which = s.seen(a.Body)
	}
	c.number(&which)
	switch {
	case which == noBody:
		a.Body = nil
	case which == newBody:
		c.bytes(&a.Body)
		if c.reading && (len(a.Body) == 0 || s.seen(a.Body) != newBody) {
			c.refuse()
		}
		s.bodies[s.oldest] = bytes.Clone(a.Body)
		s.oldest = (s.oldest + 1) % len(s.bodies)
	case c.reading:
		if which -= seenBody; which >= uint64(len(s.bodies)) || s.bodies[which] == nil {
			c.refuse()
			return
		}
		a.Body = s.bodies[which]
	}
}

// seen says where a body is among the last ones.
func (s *Rows) seen(body []byte) uint64 {
	for i, known := range s.bodies {
		if bytes.Equal(known, body) {
			return seenBody + uint64(i)
		}
	}
	return newBody
}
