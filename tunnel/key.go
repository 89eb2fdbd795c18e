package tunnel

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// Key is a Curve25519 key, private or public, as WireGuard has them. Its text is
// base64, like that of `wg`.
type Key [32]byte

// GenerateKey draws a private key.
func GenerateKey() Key {
	var k Key
	rand.Read(k[:])                      // never fails (crypto/rand)
	k[0], k[31] = k[0]&248, k[31]&127|64 // as `wg genkey` clamps it
	return k
}

// Public is the public key of a private one.
func (k Key) Public() Key {
	private, err := ecdh.X25519().NewPrivateKey(k[:])
	if err != nil {
		panic("tunnel: " + err.Error()) // any 32 bytes are a key
	}
	return Key(private.PublicKey().Bytes())
}

// String is the text of a key, for public ones.
func (k Key) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// MarshalText writes a key in base64.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

var errNoKey = errors.New("is not a key: 32 bytes in base64")

// UnmarshalText reads what MarshalText wrote. Its error doesn't repeat the text,
// which may be a secret.
func (k *Key) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(b) != len(k) {
		return errNoKey
	}
	*k = Key(b)
	return nil
}
