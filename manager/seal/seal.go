// Package seal closes what a manager gives somebody to bring back: the state of
// a sign-in, between two of its requests. Nobody else can read it, change it, or
// make one; it is good for one purpose, for some minutes, at every manager that
// has the secret. So what strangers begin takes no place in the database.
//
// Whether it may be used twice is the opener's to say: each has an ID of its own.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// mostText is more than a browser takes in a cookie.
const mostText = 16 << 10

// The two reasons why a sealed text isn't opened.
var (
	ErrForged = errors.New("not sealed by this manager for this purpose")
	ErrOld    = errors.New("too old")
)

// text is base64 in which each value has one form, line ends aside, so that an ID
// is of one text.
var text = base64.RawURLEncoding.Strict()

// Box seals and opens. It may be used by many at once.
type Box struct {
	aead cipher.AEAD
	now  func() time.Time
}

// New makes a box whose key comes from a secret of 16 bytes at least.
func New(secret []byte, now func() time.Time) (*Box, error) {
	if len(secret) < 16 {
		return nil, fmt.Errorf("seal: a secret of %d bytes", len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "releve sealed sign-in state", 32)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &Box{aead: aead, now: now}, nil
}

// content is what is inside.
type content struct {
	Until int64           `json:"until"` // milliseconds since 1970
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value"`
}

// Opened tells of a sealed text that was opened.
type Opened struct {
	ID    string // the same whenever it is opened
	Until time.Time
}

// Seal closes a value for one purpose, for the time of its life.
func (b *Box) Seal(purpose string, value any, life time.Duration) (string, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("sealing for %s: %w", purpose, err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	inside, err := json.Marshal(content{b.now().Add(life).UnixMilli(), hex.EncodeToString(id[:]), raw})
	if err != nil {
		return "", fmt.Errorf("sealing for %s: %w", purpose, err)
	}
	return text.EncodeToString(b.aead.Seal(nil, nil, inside, []byte(purpose))), nil
}

// Open opens what was sealed for the same purpose.
func (b *Box) Open(purpose, sealed string, into any) (Opened, error) {
	// The decoder passes over line ends, so they are refused here.
	if len(sealed) > mostText || strings.ContainsAny(sealed, "\r\n") {
		return Opened{}, ErrForged
	}
	raw, err := text.DecodeString(sealed)
	if err != nil {
		return Opened{}, ErrForged
	}
	inside, err := b.aead.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return Opened{}, ErrForged
	}
	var c content
	if err := json.Unmarshal(inside, &c); err != nil {
		return Opened{}, fmt.Errorf("opening for %s: %w", purpose, err)
	}
	until := time.UnixMilli(c.Until)
	if !b.now().Before(until) {
		return Opened{}, ErrOld
	}
	if err := json.Unmarshal(c.Value, into); err != nil {
		return Opened{}, fmt.Errorf("opening for %s: %w", purpose, err)
	}
	return Opened{c.ID, until}, nil
}
