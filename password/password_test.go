package password

import (
	"context"
	"errors"
	"strings"
	"testing"
)

const secret = "correct horse battery"

func TestHashedAFewAtOnce(t *testing.T) {
	h := NewHasher(2)
	hash, err := h.Make(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Make(t.Context(), secret); err != nil || again == hash {
		t.Errorf("no salt: %v, %v", again, err)
	}
	for p, want := range map[string]bool{secret: true, secret + " ": false, "": false} {
		if got, err := h.Fits(t.Context(), p, hash); err != nil || got != want {
			t.Errorf("%q: %v, %v", p, got, err)
		}
	}
	for _, nobody := range []string{"", Nobody} {
		if fits, err := h.Fits(t.Context(), "", nobody); err != nil || fits {
			t.Errorf("a password of nobody: %v, %v", fits, err)
		}
	}
	if _, err := h.Fits(t.Context(), secret, "$argon2i$"); err == nil {
		t.Error("a hash of another kind is read")
	}
	h.places <- struct{}{}
	h.places <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Make(ctx, secret); !errors.Is(err, context.Canceled) {
		t.Errorf("a third at once: %v", err)
	}
}

func TestTakes(t *testing.T) {
	for p, want := range map[string]bool{
		"eleven char": false, "twelve chars": true, "éééééééééééé": true, "eleven char\xff": false,
		strings.Repeat("x", Longest): true, strings.Repeat("x", Longest+1): false,
	} {
		if Takes(p) != want {
			t.Errorf("%q: %v", p, !want)
		}
	}
}
