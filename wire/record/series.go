package record

import (
	"encoding/binary"
	"math/bits"
)

// series is a row of datagrams of one kind, each written as the words in which it
// differs from the one before: a mask of them, and their differences.
type series struct {
	words []uint64
	body  []byte // that was read last
}

// write takes the byte at cleared as zero. The mask is told as its difference
// from the last one, which is mostly none.
func (s *series) write(c *coder, body []byte, cleared int, last *uint64) {
	s.begin(len(body))
	var mask uint64
	var differences [64]int64
	for i := range s.words {
		word := binary.BigEndian.Uint64(body[8*i:])
		if cleared >= 0 && i == cleared/8 {
			word &^= 0xff << (8 * (7 - cleared%8))
		}
		if word != s.words[i] {
			mask |= 1 << i
			differences[i] = int64(word - s.words[i])
			s.words[i] = word
		}
	}
	news := mask ^ *last
	*last = mask
	c.number(&news)
	for ; mask != 0; mask &= mask - 1 {
		c.signed(&differences[bits.TrailingZeros64(mask)])
	}
}

// read gives the next body, valid until the next read.
func (s *series) read(c *coder, size int, last *uint64) []byte {
	s.begin(size)
	var news uint64
	c.number(&news)
	mask := news ^ *last
	if mask>>len(s.words) != 0 {
		c.refuse()
		mask = 0
	}
	*last = mask
	for ; mask != 0 && !c.bad; mask &= mask - 1 {
		var difference int64
		if c.signed(&difference); difference == 0 {
			c.refuse()
		}
		s.words[bits.TrailingZeros64(mask)] += uint64(difference)
	}
	s.body = s.body[:0]
	for _, word := range s.words {
		s.body = binary.BigEndian.AppendUint64(s.body, word)
	}
	return s.body
}

func (s *series) begin(size int) {
	if s.words == nil {
		s.words = make([]uint64, size/8)
	}
}
