// Package auth signs the datagrams that vSockets exchange with each other and with
// a witness, and finds those that somebody else has written.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"hash/crc32"
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

// NewHMAC is what vSockets and witnesses use.
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
type checksum struct{ seed uint32 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewChecksum is a keyed checksum for simulations and tests. It sees every
// single flipped bit and costs next to nothing.
func NewChecksum(key []byte) MAC { return checksum{crc32.Checksum(key, castagnoli)} }

func (c checksum) Size() int { return 8 }

func (c checksum) sum(message []byte) uint64 {
	return uint64(crc32.Update(c.seed, castagnoli, message))
}

func (c checksum) Append(dst, message []byte) []byte {
	return binary.BigEndian.AppendUint64(dst, c.sum(message))
}

func (c checksum) Verify(message, tag []byte) bool {
	return len(tag) == 8 && binary.BigEndian.Uint64(tag) == c.sum(message)
}
