package settings

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Fail adds a problem of the value at path. One that has a problem already, or is
// in a section that has, is not judged again.
func (b *Binding) Fail(path, hint, format string, args ...any) {
	if b.Wrong(path) {
		return
	}
	b.bad[path] = true
	b.problems = append(b.problems, Problem{
		File: b.origin(path), Line: b.line(path), Path: path, Text: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// Clean reports whether nothing at path or below it has a problem.
func (b *Binding) Clean(path string) bool {
	for bad := range b.bad {
		if rest, ok := strings.CutPrefix(bad, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return false
		}
	}
	return !b.Wrong(path)
}

// Present reports whether path has a value that can be judged, and complains if
// it has none.
func (b *Binding) Present(path string) bool {
	if !b.Given(path) {
		b.Fail(path, "", "is missing")
		return false
	}
	return !b.Wrong(path)
}

// Span checks a duration's bounds, both included.
func (b *Binding) Span(path string, d, low, high time.Duration) bool {
	if d >= low && d <= high {
		return true
	}
	b.Fail(path, "", "%s is not between %s and %s", Duration(d), Duration(low), Duration(high))
	return false
}

// Count checks a number's bounds, both included.
func (b *Binding) Count(path string, n, low, high int) {
	if n < low || n > high {
		b.Fail(path, "", "%d is not between %d and %d", n, low, high)
	}
}

// Name checks a name for people, which must be there.
func (b *Binding) Name(path, name string) {
	if b.Present(path) && (strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 80 || strings.ContainsFunc(name, isControl)) {
		b.Fail(path, "", "%q is no name: 1 to 80 characters on one line", name)
	}
}

// Directory checks a folder's path.
func (b *Binding) Directory(path, dir string) {
	if !filepath.IsAbs(dir) {
		b.Fail(path, "", "%q is not an absolute path", dir)
	}
}

// maxRunDir leaves room for the socket's name within sun_path's 108 bytes.
const maxRunDir = 80

// RunDirectory checks the path of a folder with a socket in it.
func (b *Binding) RunDirectory(path, dir string) {
	b.Directory(path, dir)
	if len(dir) > maxRunDir {
		b.Fail(path, "", "%q is longer than %d bytes, and the kernel limits a socket's path", dir, maxRunDir)
	}
}

// Interface checks an interface's name.
func (b *Binding) Interface(path, name string) {
	if name == "" || len(name) > 15 || strings.ContainsFunc(name, func(r rune) bool { return isControl(r) || r == ' ' || r == '/' }) {
		b.Fail(path, "ip link lists the names", "%q is not the name of a network interface", name)
	}
}

// KeySize is the size of a secret.
const KeySize = 32

// Key checks a secret, which must be there and must not be the sample's. It is not
// repeated in a problem.
func (b *Binding) Key(path, text, sample, remedy string) {
	if !b.Present(path) {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		b.Fail(path, remedy, "is not base64")
	case len(raw) != KeySize:
		b.Fail(path, remedy, "is %d bytes long, not %d", len(raw), KeySize)
	case text == sample:
		b.Fail(path, remedy, "is the sample's, which everybody knows")
	case [KeySize]byte(raw) == [KeySize]byte{}:
		b.Fail(path, remedy, "is all zeros")
	}
}

// KeyBytes reads a secret that Key has passed.
func KeyBytes(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic("settings: a key that was checked is not base64")
	}
	return raw
}

// KeyText writes a secret as a file has it.
func KeyText(key []byte) string { return base64.StdEncoding.EncodeToString(key) }

// Duration writes a time without the zeros of 1m0s.
func Duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
