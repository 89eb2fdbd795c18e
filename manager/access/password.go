package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"releve.dev/releve/manager/inventory"
)

// The cost of a password: 38 ms of a core, 19 MiB (management.md section 5).
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	argonAtOnce  = 4
	saltBytes    = 16
	keyBytes     = 32
)

const (
	shortestPassword = 12
	longestPassword  = 256
)

var base64Raw = base64.RawStdEncoding

// hasher hashes passwords, four at once at most, so that a crowd of logins takes
// neither all memory nor all processors.
type hasher struct {
	places chan struct{}
	none   string // a hash that no password has
}

func newHasher() hasher {
	h := hasher{places: make(chan struct{}, argonAtOnce)}
	h.none = encode(make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// make hashes a password.
func (h hasher) make(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		panic("access: " + err.Error())
	}
	key, err := h.key(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, key), nil
}

// fits reports whether a password has a hash; "" and noPassword are of nobody, and
// cost as much, so that the time doesn't tell who exists.
func (h hasher) fits(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" || hash == noPassword {
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

func (h hasher) key(ctx context.Context, password string, salt []byte) ([]byte, error) {
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

// checkPassword says why a new password can't be used.
func checkPassword(password string) error {
	n := utf8.RuneCountInString(password)
	if n >= shortestPassword && len(password) <= longestPassword && utf8.ValidString(password) {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: "password",
		Message: fmt.Sprintf("the password has %d characters", n),
		Remedy:  fmt.Sprintf("choose one of %d characters at least and %d bytes at most", shortestPassword, longestPassword)}
}
