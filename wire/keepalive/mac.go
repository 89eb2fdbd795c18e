package keepalive

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// MAC signs datagrams. Its methods are for one goroutine.
type MAC interface {
	Size() int
	Append(dst, message []byte) []byte
	Verify(message, tag []byte) bool
}

// hmac256 is HMAC-SHA-256 (RFC 2104), not truncated.
type hmac256 struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// NewHMAC is what vSockets use. The key is the site's.
func NewHMAC(key []byte) MAC { return &hmac256{hash: hmac.New(sha256.New, key)} }

func (h *hmac256) Size() int { return sha256.Size }

func (h *hmac256) Append(dst, message []byte) []byte {
	h.hash.Reset()
	h.hash.Write(message)
	return h.hash.Sum(dst)
}

func (h *hmac256) Verify(message, tag []byte) bool {
	return subtle.ConstantTimeCompare(h.Append(h.sum[:0], message), tag) == 1
}

// checksum is no protection against anybody: it is for simulations, which send
// millions of datagrams that only they themselves can forge.
type checksum struct{ seed uint64 }

// NewChecksum is a keyed checksum for simulations and tests. It sees every
// single flipped bit and costs next to nothing.
func NewChecksum(key []byte) MAC {
	c := checksum{seed: 0xcbf29ce484222325}
	for _, k := range key {
		c.seed = (c.seed ^ uint64(k)) * 0x100000001b3
	}
	return c
}

func (c checksum) Size() int { return 8 }

func (c checksum) sum(message []byte) uint64 {
	sum := c.seed
	for ; len(message) >= 8; message = message[8:] {
		sum = (sum ^ binary.LittleEndian.Uint64(message)) * 0x9e3779b97f4a7c15
		sum ^= sum >> 29
	}
	for _, b := range message {
		sum = (sum ^ uint64(b)) * 0x100000001b3
	}
	return sum
}

func (c checksum) Append(dst, message []byte) []byte {
	return binary.BigEndian.AppendUint64(dst, c.sum(message))
}

func (c checksum) Verify(message, tag []byte) bool {
	return len(tag) == 8 && binary.BigEndian.Uint64(tag) == c.sum(message)
}
