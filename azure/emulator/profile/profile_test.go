package profile

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestDraw: the data plane never follows later than the control plane ends,
// and an immediate class takes no time.
func TestDraw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range all {
		for range 1000 {
			for c := range classes {
				d := p.Draw(c, r)
				if d.Remove > d.Control || d.Add > d.Control || d.Remove < 0 || d.Add < 0 || (c == Immediate) != (d.Control == 0) {
					t.Fatalf("%s class %d: %+v", p.Name, c, d)
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, name := range Names() {
		if p, err := Parse(name); err != nil || p.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse("quick"); err == nil || !strings.Contains(err.Error(), "hint: one of instant, fast, classic, slow") {
		t.Errorf("error %v", err)
	}
}
