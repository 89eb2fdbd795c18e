// Package password hashes passwords (argon2id, RFC 9106) and says which are too
// weak to take. Only hashes are ever kept.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The cost of a password: 38 ms of a core, 19 MiB.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	saltBytes    = 16
	keyBytes     = 32
)

// The bounds of a new password.
const (
	Shortest = 12  // characters
	Longest  = 256 // bytes
)

// Nobody is the hash of who has no password.
const Nobody = "none"

var base64Raw = base64.RawStdEncoding

// Hasher hashes a few passwords at once at most, so that a crowd of sign-ins takes
// neither all memory nor all processors.
type Hasher struct {
	places chan struct{}
	none   string // a hash that no password has
}

// NewHasher makes one that hashes so many at once.
func NewHasher(atOnce int) Hasher {
	return Hasher{places: make(chan struct{}, atOnce), none: encode(make([]byte, saltBytes), make([]byte, keyBytes))}
}

// Make hashes a password.
func (h Hasher) Make(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		panic("password: " + err.Error())
	}
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, key), nil
}

// Fits reports whether a password has a hash; "" and Nobody are of nobody, and
// cost as much, so that the time doesn't tell who exists.
func (h Hasher) Fits(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" || hash == Nobody {
		hash = h.none
	}
	salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	got, err := h.key(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && hash != h.none, nil
}

func (h Hasher) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.places }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, keyBytes), nil
}

// encode writes the PHC string format.
func encode(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64Raw.EncodeToString(salt), base64Raw.EncodeToString(key))
}

// decode reads it. Another cost than today's would be read here, once there was one.
func decode(hash string) (salt, key []byte, err error) {
	head := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)
	rest, known := strings.CutPrefix(hash, head)
	one, two, both := strings.Cut(rest, "$")
	if !known || !both {
		return nil, nil, fmt.Errorf("a password's hash of an unknown form")
	}
	if salt, err = base64Raw.DecodeString(one); err != nil {
		return nil, nil, fmt.Errorf("a password's salt: %w", err)
	}
	if key, err = base64Raw.DecodeString(two); err != nil {
		return nil, nil, fmt.Errorf("a password's hash: %w", err)
	}
	return salt, key, nil
}

// Takes reports whether a new password is long enough, and not too long.
func Takes(password string) bool {
	return utf8.RuneCountInString(password) >= Shortest && len(password) <= Longest && utf8.ValidString(password)
}
