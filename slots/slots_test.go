package slots

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, dir string) *Slots {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, dir string) string {
	t.Helper()
	record, ok, err := open(t, dir).Load()
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "none"
	}
	return string(record)
}

// What was saved last is loaded, whatever was saved before.
func TestLastSaveWins(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if got := load(t, dir); got != "none" {
		t.Fatalf("an empty directory has %q", got)
	}
	s := open(t, dir)
	for _, record := range []string{"one", "two", "", "four"} {
		if err := s.Save([]byte(record)); err != nil {
			t.Fatal(err)
		}
		if got := load(t, dir); got != record {
			t.Fatalf("loaded %q, want %q", got, record)
		}
	}
	again := open(t, dir)
	if _, _, err := again.Load(); err != nil {
		t.Fatal(err)
	}
	if err := again.Save([]byte("five")); err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir); got != "five" {
		t.Fatalf("loaded %q", got)
	}
}

// A crash at any byte of a write, or a flipped bit, leaves the record before.
func TestTornWriteLeavesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, record := range []string{"old", "new"} {
		if err := s.Save([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	newest := s.path(1)
	raw, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	write := func(broken []byte) {
		t.Helper()
		if err := os.WriteFile(newest, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := load(t, dir); got != "old" {
			t.Fatalf("loaded %q after %x", got, broken)
		}
	}
	for cut := range raw {
		write(raw[:cut])
	}
	for bit := range 8 * len(raw) {
		broken := bytes.Clone(raw)
		broken[bit/8] ^= 1 << (bit % 8)
		write(broken)
	}
	if err := os.WriteFile(s.path(0), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir); got != "none" {
		t.Fatalf("two bad slots give %q", got)
	}
}

// A Save without a Load before it is the newest all the same.
func TestSaveAloneWins(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, record := range []string{"one", "two", "three"} {
		if err := s.Save([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, dir).Save([]byte("four")); err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir); got != "four" {
		t.Fatalf("loaded %q", got)
	}
}

// A record that Load would refuse is refused by Save, and the last one stays.
func TestTooLongIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Save([]byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(make([]byte, maxRecord+1)); err == nil {
		t.Error("no error")
	}
	if got := load(t, dir); got != "old" {
		t.Fatalf("loaded %q", got)
	}
	longest := bytes.Repeat([]byte{7}, maxRecord)
	if err := s.Save(longest); err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir); got != string(longest) {
		t.Fatalf("loaded %d bytes", len(got))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(7, []byte("record")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if seq, record, ok := decode(raw); ok && !bytes.Equal(encode(seq, record), raw) {
			t.Fatalf("%x is taken for something else", raw)
		}
	})
}
