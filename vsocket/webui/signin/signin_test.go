package signin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const chosen, wrong = "a long enough one", "not the right one"

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t *testing.T) (*Door, *clock, string) {
	c, folder := &clock{time.Unix(1_800_000_000, 0)}, t.TempDir()
	return Open(folder, c.now), c, folder
}

func signIn(t *testing.T, d *Door, given string) string {
	t.Helper()
	secret, err := d.SignIn(t.Context(), "10.0.0.1", given)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// The first password is shown once, works, and is marked until somebody chooses.
func TestFirstPassword(t *testing.T) {
	d, c, folder := open(t)
	first, err := d.First(t.Context())
	if err != nil || len(first) != 16 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := Open(folder, c.now).First(t.Context()); err != nil || again != "" {
		t.Errorf("shown twice: %q, %v", again, err)
	}
	if kept, err := os.ReadFile(filepath.Join(folder, file)); err != nil || strings.Contains(string(kept), first) {
		t.Errorf("kept as %s, %v", kept, err)
	}
	secret := signIn(t, d, first)
	if !d.Session(secret, true) || !d.Initial() {
		t.Error("the first password gives no session, or isn't known as the first")
	}
	if err := d.Change(t.Context(), "", first, "short"); !errors.Is(err, ErrWeak) {
		t.Errorf("weak: %v", err)
	}
	if err := d.Change(t.Context(), "", wrong, chosen); !errors.Is(err, ErrWrong) {
		t.Errorf("by who doesn't know it: %v", err)
	}
	if err := d.Change(t.Context(), "", first, chosen); err != nil {
		t.Fatal(err)
	}
	if d.Session(secret, true) || d.Initial() {
		t.Error("a change leaves sessions, or the mark")
	}
	signIn(t, d, chosen)
}

// Ten minutes without use end a session; what goes on by itself is no use.
func TestIdle(t *testing.T) {
	d, c, _ := open(t)
	if err := d.Set(t.Context(), chosen); err != nil {
		t.Fatal(err)
	}
	used, watched := signIn(t, d, chosen), signIn(t, d, chosen)
	for range 3 {
		c.at = c.at.Add(Idle / 2)
		if !d.Session(used, true) {
			t.Fatal("a session in use ends")
		}
		d.Session(watched, false)
	}
	if d.Session(watched, true) {
		t.Error("a session that nobody uses goes on")
	}
	d.SignOut(used)
	if d.Session(used, true) || d.Session("", true) {
		t.Error("a session after its end, or without a beginning")
	}
	first := signIn(t, d, chosen)
	k, err := d.read()
	if err != nil {
		t.Fatal(err)
	}
	for range MostSessions {
		c.at = c.at.Add(time.Second)
		d.begin(k.Hash)
	}
	if d.Session(first, true) || len(d.sessions) > MostSessions {
		t.Errorf("%d sessions", len(d.sessions))
	}
}

// Attempts are few for one address, and others don't suffer from it.
func TestAttempts(t *testing.T) {
	d, c, _ := open(t)
	if err := d.Set(t.Context(), chosen); err != nil {
		t.Fatal(err)
	}
	for i := range attempts + 1 {
		_, err := d.SignIn(t.Context(), "10.0.0.9", wrong)
		if want := map[bool]error{true: ErrWrong, false: ErrTooMany}[i < attempts]; !errors.Is(err, want) {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	signIn(t, d, chosen) // from elsewhere
	c.at = c.at.Add(recovery)
	if _, err := d.SignIn(t.Context(), "10.0.0.9", chosen); err != nil {
		t.Errorf("after a while: %v", err)
	}
	for i := range mostKnown + 100 {
		d.limit.takes(fmt.Sprint("host", i))
	}
	if n := len(d.limit.buckets); n > mostKnown+1 {
		t.Errorf("%d addresses are remembered", n)
	}
}
