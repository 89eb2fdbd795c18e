package record

import (
	"encoding/binary"
	"math"
	"time"
)

// coder writes values, or reads them: one description of a row serves both.
// Each value has one encoding; another one is refused.
type coder struct {
	b       []byte
	reading bool
	bad     bool
}

func (c *coder) refuse() { c.bad, c.b = true, nil }

func (c *coder) number(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	n, size := binary.Uvarint(c.b)
	if size <= 0 || size > 1 && c.b[size-1] == 0 {
		*v = 0
		c.refuse()
		return
	}
	*v, c.b = n, c.b[size:]
}

// signed keeps small values of either sign short.
func (c *coder) signed(v *int64) {
	n := uint64(*v)<<1 ^ uint64(*v>>63)
	c.number(&n)
	*v = int64(n>>1) ^ -int64(n&1)
}

func (c *coder) int(v *int) {
	n := int64(*v)
	c.signed(&n)
	if n < math.MinInt || n > math.MaxInt {
		c.refuse()
	}
	*v = int(n)
}

// since codes a time by its distance from another.
func (c *coder) since(v *time.Duration, from time.Duration) {
	n := int64(*v - from)
	c.signed(&n)
	*v = from + time.Duration(n)
}

// wall codes a moment, to the nanosecond.
func (c *coder) wall(v *time.Time) {
	n := int64(0)
	if !c.reading {
		n = v.UnixNano()
	}
	c.signed(&n)
	if c.reading {
		*v = time.Unix(0, n)
	}
}

func (c *coder) fixed(v []byte) {
	if !c.reading {
		c.b = append(c.b, v...)
		return
	}
	if len(c.b) < len(v) {
		c.refuse()
		return
	}
	c.b = c.b[copy(v, c.b):]
}

// bytes tells nil from empty. What is read points into the chunk.
func (c *coder) bytes(v *[]byte) {
	n := uint64(0)
	if *v != nil {
		n = uint64(len(*v)) + 1
	}
	c.number(&n)
	switch {
	case !c.reading:
		c.b = append(c.b, *v...)
	case n == 0:
		*v = nil
	case n-1 > uint64(len(c.b)):
		*v = nil
		c.refuse()
	default:
		*v, c.b = c.b[:n-1:n-1], c.b[n-1:]
	}
}

func (c *coder) text(v *string) {
	n := uint64(len(*v))
	c.number(&n)
	switch {
	case !c.reading:
		c.b = append(c.b, *v...)
	case n > uint64(len(c.b)):
		c.refuse()
	default:
		*v, c.b = string(c.b[:n]), c.b[n:]
	}
}
