package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func box(t testing.TB, secret byte, now func() time.Time) *Box {
	t.Helper()
	b, err := New(bytes.Repeat([]byte{secret}, 32), now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is sealed is opened for its purpose, until it is too old, by every
// manager with the secret, and otherwise not at all.
func TestSeal(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	now := func() time.Time { return at }
	one, other, stranger := box(t, 1, now), box(t, 1, now), box(t, 2, now)
	sealed, err := one.Seal("login", map[string]string{"state": "secret"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sealed, "secret") {
		t.Error("it can be read")
	}
	var got map[string]string
	first, err := other.Open("login", sealed, &got)
	if err != nil || got["state"] != "secret" {
		t.Fatalf("%v, %v", got, err)
	}
	if again, err := one.Open("login", sealed, &got); err != nil || again != first || first.ID == "" {
		t.Errorf("%v, %v: another ID", again, err)
	}
	for what, open := range map[string]func() (Opened, error){
		"another purpose": func() (Opened, error) { return one.Open("confirm", sealed, &got) },
		"another secret":  func() (Opened, error) { return stranger.Open("login", sealed, &got) },
		"cut":             func() (Opened, error) { return one.Open("login", sealed[:len(sealed)-4], &got) },
		"longer":          func() (Opened, error) { return one.Open("login", sealed+"AAAA", &got) },
		"in two lines":    func() (Opened, error) { return one.Open("login", sealed[:9]+"\n"+sealed[9:], &got) },
		"nothing":         func() (Opened, error) { return one.Open("login", "", &got) },
		"huge":            func() (Opened, error) { return one.Open("login", strings.Repeat("A", mostText+1), &got) },
	} {
		if _, err := open(); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	at = at.Add(time.Minute)
	if _, err := one.Open("login", sealed, &got); !errors.Is(err, ErrOld) {
		t.Errorf("a minute later: %v", err)
	}
	if _, err := New([]byte("short"), now); err == nil {
		t.Error("a short secret")
	}
}

// No text but a sealed one is opened, however it comes about.
func FuzzOpen(f *testing.F) {
	b := box(f, 1, func() time.Time { return time.Unix(0, 0) })
	sealed, err := b.Seal("p", 1, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(sealed[1:])
	f.Add(sealed[:9] + "\r\n" + sealed[9:])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		if _, err := b.Open("p", text, &n); err == nil && (n != 1 || len(text) != len(sealed)) || text == sealed && err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	})
}
