package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// kind is the prefix of a secret: whoever finds one, a scanner of repositories
// too, sees what it is.
type kind string

const (
	tokenKind   kind = "rlvt_"
	sessionKind kind = "rlvs_"
	codeKind    kind = "rlvc_"
)

const secretBytes = 20 // 160 bits

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newSecret is the prefix, 160 random bits and a checksum, by which a mistyped
// or cut secret is told from a wrong one without a look into the database.
func newSecret(k kind) string {
	var random [secretBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic("access: " + err.Error())
	}
	body := string(k) + alphabet.EncodeToString(random[:])
	return body + checksum(body)
}

func checksum(body string) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE([]byte(body)))
	return alphabet.EncodeToString(sum[:])
}

// whole reports whether a text has the form of such a secret.
func whole(k kind, secret string) bool {
	length := len(k) + alphabet.EncodedLen(secretBytes)
	return strings.HasPrefix(secret, string(k)) && len(secret) == length+alphabet.EncodedLen(4) &&
		checksum(secret[:length]) == secret[length:]
}

// hashSecret is what the database keeps. 160 random bits need no slow hash.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
