package main

import (
	"testing"
	"time"
)

// A time to keep something is days, or as Go writes durations, and a day at least.
func TestDays(t *testing.T) {
	for text, want := range map[string]time.Duration{"400d": 9600 * time.Hour, "1d": 24 * time.Hour, "36h": 36 * time.Hour,
		"0d": -1, "23h": -1, "-3d": -1, "": -1, "d": -1, "99999d": -1, "1w": -1} {
		var d days
		err := d.Set(text)
		if (err != nil) != (want < 0) || err == nil && time.Duration(d) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(d), err)
		}
		if err == nil {
			var again days
			if err := again.Set(d.String()); err != nil || again != d {
				t.Errorf("%q is shown as %q", text, d.String())
			}
		}
	}
}
