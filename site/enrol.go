package site

import (
	"encoding/base32"
	"fmt"
	"strings"
)

// EnrolKey is the one string that a person carries from the manager to a new
// vSocket: who it is, that it may be, and which manager to believe. There is no
// trust on first use.
type EnrolKey struct {
	Serial      Serial
	Secret      [20]byte // known to nobody else; good once, for a day
	Fingerprint [32]byte // SHA-256 of the manager's CA certificate
}

var enrolText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the printed form: serial.secret.fingerprint.
func (k EnrolKey) String() string {
	return string(k.Serial) + "." + enrolText.EncodeToString(k.Secret[:]) + "." + enrolText.EncodeToString(k.Fingerprint[:])
}

// ParseEnrolKey reads what String wrote, and nothing that means the same. Its
// errors don't repeat the secret.
func ParseEnrolKey(text string) (EnrolKey, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return EnrolKey{}, fmt.Errorf("enrolment key: %d parts instead of serial.secret.fingerprint", len(parts))
	}
	serial, err := ParseSerial(parts[0])
	if err != nil {
		return EnrolKey{}, fmt.Errorf("enrolment key: %w", err)
	}
	k := EnrolKey{Serial: serial}
	if !fill(k.Secret[:], parts[1]) {
		return EnrolKey{}, fmt.Errorf("enrolment key of %s: the secret is cut short or mistyped", serial)
	}
	if !fill(k.Fingerprint[:], parts[2]) {
		return EnrolKey{}, fmt.Errorf("enrolment key of %s: the fingerprint is cut short or mistyped", serial)
	}
	if k.String() != text { // spare bits at a part's end
		return EnrolKey{}, fmt.Errorf("enrolment key of %s: its last characters are mistyped", serial)
	}
	return k, nil
}

func fill(to []byte, text string) bool {
	raw, err := enrolText.DecodeString(text)
	return err == nil && copy(to, raw) == len(to) && len(raw) == len(to)
}
