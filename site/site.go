// Package site is the vocabulary of a Relève site: which of the two vSockets
// is meant, what role it plays, in which term, and who holds the term. It
// decides nothing and imports nothing of ours.
package site

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Side tells the two vSockets of a site apart. It is fixed by configuration
// and does not say who is active now (that is Role).
type Side uint8

// The sides. NoSide is the holder of a term that nobody was ever granted.
const (
	NoSide Side = iota
	Primary
	Secondary
)

// Peer returns the other side.
func (s Side) Peer() Side {
	switch s {
	case Primary:
		return Secondary
	case Secondary:
		return Primary
	}
	return NoSide
}

func (s Side) String() string {
	switch s {
	case Primary:
		return "primary"
	case Secondary:
		return "secondary"
	}
	return "none"
}

// ParseSide reads what String wrote.
func ParseSide(text string) (Side, error) {
	switch text {
	case "primary":
		return Primary, nil
	case "secondary":
		return Secondary, nil
	case "none":
		return NoSide, nil
	}
	return NoSide, fmt.Errorf("side %q is neither primary nor secondary", text)
}

// MarshalText and UnmarshalText make a Side readable in YAML and JSON.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Side) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSide(string(text))
	return err
}

// Role is what a vSocket is right now (ha.md section 3).
type Role uint8

// The roles.
const (
	Mute      Role = iota // started without valid state: answers nothing, claims nothing
	Standby               // watches, answers the active's asks
	Claiming              // has sent a claim to the third
	Elect                 // granted, waits for the giver's Yielded
	Active                // Master: holds the term
	Suspended             // holds the term, but its lease is out: serves nothing
)

var roleNames = [...]string{"mute", "standby", "claiming", "elect", "active", "suspended"}

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText makes a Role readable in JSON.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(text []byte) error {
	for i, name := range roleNames {
		if name == string(text) {
			*r = Role(i)
			return nil
		}
	}
	return fmt.Errorf("unknown role %q", text)
}

// Term counts the changes of the active. It is born at the third alone and
// never falls.
type Term uint64

// BootID names one life of an agent: the holder of a term is (Side, BootID),
// so that a restarted agent never believes that it still holds.
type BootID [8]byte

func (b BootID) String() string { return hex.EncodeToString(b[:]) }

// MarshalText makes a BootID readable in JSON.
func (b BootID) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (b *BootID) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBootID(string(text))
	return err
}

// ParseBootID reads what String wrote.
func ParseBootID(text string) (b BootID, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(b) || strings.ToLower(text) != text {
		return BootID{}, fmt.Errorf("boot id %q is not %d hex digits, in lower case", text, 2*len(b))
	}
	copy(b[:], raw)
	return b, nil
}
