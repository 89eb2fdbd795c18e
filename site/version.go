package site

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a vSocket's release. The source's thresholds keep their meaning
// (requirements C1, B8), so ours start at 14.0.
type Version struct{ Major, Minor uint16 }

// Release is the version of this source tree.
var Release = Version{14, 0}

// HAVersion is the lowest version that may take part in high availability (C1).
var HAVersion = Version{11, 0}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast reports whether v is w or later.
func (v Version) AtLeast(w Version) bool {
	return v.Major > w.Major || v.Major == w.Major && v.Minor >= w.Minor
}

// Compatible reports whether two vSockets may be called the same version:
// the major number decides.
func (v Version) Compatible(w Version) bool { return v.Major == w.Major }

// ParseVersion reads "14.0".
func ParseVersion(text string) (Version, error) {
	major, minor, ok := strings.Cut(text, ".")
	a, errA := strconv.ParseUint(major, 10, 16)
	b, errB := strconv.ParseUint(minor, 10, 16)
	v := Version{uint16(a), uint16(b)}
	if !ok || errA != nil || errB != nil || v.String() != text {
		return Version{}, fmt.Errorf("version %q is not of the form 14.0", text)
	}
	return v, nil
}

// MarshalText makes a Version readable in YAML and JSON.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Version) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVersion(string(text))
	return err
}
