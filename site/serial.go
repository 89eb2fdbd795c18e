package site

import (
	"fmt"
	"strings"
)

// Serial is a vSocket's serial number (S/N), RLV-XXXX-XXXX: seven drawn
// characters and one that checks them. Its alphabet has no I, L, O or U, so
// that it can be read aloud and typed.
type Serial string

const (
	serialAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	serialDrawn    = 7
)

// MakeSerial makes the S/N of a draw, of which the lowest 35 bits count.
func MakeSerial(draw uint64) Serial {
	var text [serialDrawn + 1]byte
	var check byte
	for i := range serialDrawn {
		digit := byte(draw >> (5 * i) & 31)
		text[i] = serialAlphabet[digit]
		check = checkStep(check, digit)
	}
	text[serialDrawn] = serialAlphabet[check]
	return Serial("RLV-" + string(text[:4]) + "-" + string(text[4:]))
}

// checkStep is Damm's algorithm over GF(32): it finds each single wrong
// character, and each two neighbours changed about.
func checkStep(check, digit byte) byte {
	check = (check ^ digit) << 1
	if check&32 != 0 {
		check ^= 0b100101 // x^5 + x^2 + 1
	}
	return check
}

// ParseSerial reads a S/N in its one form.
func ParseSerial(text string) (Serial, error) {
	bare, is := strings.CutPrefix(text, "RLV-")
	if !is || len(bare) != 9 || bare[4] != '-' {
		return "", fmt.Errorf("serial number %q is not of the form RLV-XXXX-XXXX", text)
	}
	var check byte
	for _, c := range []byte(bare[:4] + bare[5:]) {
		digit := strings.IndexByte(serialAlphabet, c)
		if digit < 0 {
			return "", fmt.Errorf("serial number %q: %q is none of its characters", text, c)
		}
		check = checkStep(check, byte(digit))
	}
	if check != 0 {
		return "", fmt.Errorf("serial number %q: a character is wrong", text)
	}
	return Serial(text), nil
}
