package main

import (
	"strings"
	"testing"
)

// A third that isn't one is refused with the choices.
func TestTheThirdIsChecked(t *testing.T) {
	for _, c := range []struct {
		third string
		cloud bool
		hint  string // "": it is good
	}{
		{"", false, ""}, {"arm", false, ""}, {"arm", true, ""}, {"witness", true, ""},
		{"witness", false, "\nhint: --cloud"}, {"moon", true, "\nhint: one of arm, witness"},
	} {
		f := labFlags{third: c.third}
		err := f.checkThird(c.cloud)
		if (err == nil) != (c.hint == "") || err != nil && !strings.HasSuffix(err.Error(), c.hint) {
			t.Errorf("--third %q, cloud %v: %v, want %q", c.third, c.cloud, err, c.hint)
		}
	}
}
