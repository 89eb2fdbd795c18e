package certificate

import (
	"strings"
	"testing"
	"time"
)

// Devices are shown the authority's certificate, whatever others are shown.
func TestBeside(t *testing.T) {
	source := Beside(fixed(t, "own"), fixed(t, "public"), "releve-manager")
	for name, want := range map[string]string{"releve-manager": "own", "manager.example": "public", "": "public", "localhost": "public"} {
		if got := shows(t, source, name); got != want {
			t.Errorf("%q is shown %s", name, got)
		}
	}
}

// New files are in use some seconds later; half of them, or what is no
// certificate, never.
func TestFilesAreReadAnew(t *testing.T) {
	at, j, p := time.Now(), &journal{}, newPair(t)
	cert, key := issue(t, "first", at.Add(time.Hour))
	p.write(t, cert, key)
	f, err := OpenFiles(p.cert, p.key, func() time.Time { return at }, j.log())
	fine(t, err)
	want := func(name string) {
		t.Helper()
		if got := shows(t, f.Get, ""); got != name {
			t.Errorf("shows %s, want %s", got, name)
		}
	}
	want("first")
	cert, key = issue(t, "the second", at.Add(time.Hour))
	p.write(t, cert, nil)
	want("first")
	at = at.Add(lookEach)
	want("first")
	at = at.Add(lookEach)
	want("first")
	if n := strings.Count(j.String(), "can't be used"); n != 1 {
		t.Errorf("told %d times:\n%s", n, j)
	}
	p.write(t, nil, key)
	at = at.Add(lookEach)
	want("the second")
	p.write(t, []byte("spoilt"), nil)
	at = at.Add(lookEach)
	want("the second")
	old, oldKey := issue(t, "long over", at.Add(-time.Hour))
	p.write(t, old, oldKey)
	at = at.Add(lookEach)
	want("the second")
}

// What can't be served isn't started with; each refusal has a hint.
func TestOpenFilesRefuses(t *testing.T) {
	now := time.Now()
	good, key := issue(t, "x", now.Add(time.Hour))
	old, oldKey := issue(t, "x", now.Add(-time.Hour))
	_, other := issue(t, "y", now.Add(time.Hour))
	for what, c := range map[string]struct{ cert, key []byte }{
		"no files": {}, "no key": {good, nil}, "another key": {good, other}, "no certificate": {[]byte("x"), key}, "over": {old, oldKey},
	} {
		p := newPair(t)
		p.write(t, c.cert, c.key)
		if _, err := OpenFiles(p.cert, p.key, time.Now, (&journal{}).log()); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := OpenFiles("x", "", time.Now, nil); err == nil || !strings.Contains(err.Error(), "--tls-key") {
		t.Errorf("one file: %v", err)
	}
}
