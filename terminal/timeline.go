package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"releve.dev/releve/site"
)

// Timeline prints entries of a journal, and each day's date before its first; or
// one JSON object a line.
type Timeline struct {
	Palette
	out  io.Writer
	json bool
	day  string
}

// NewTimeline prints to out.
func NewTimeline(out io.Writer, asJSON bool) *Timeline {
	return &Timeline{Palette: PaletteFor(out), out: out, json: asJSON}
}

// Entry prints one.
func (t *Timeline) Entry(entry site.Entry) error {
	if t.json {
		return json.NewEncoder(t.out).Encode(entry)
	}
	wall := entry.Wall.Local()
	if day := wall.Format("2006-01-02 (MST)"); day != t.day {
		t.day = day
		if _, err := fmt.Fprintln(t.out, t.Bold(day)); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%s  %-9s  %-22s  %s", wall.Format("15:04:05.000"), entry.Who, entry.What, t.Dim(entry.Detail))
	_, err := fmt.Fprintln(t.out, strings.TrimRight(line, " "))
	return err
}

// Since reads a time, or how long ago; "" is the zero time.
func Since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, Usage(fmt.Errorf("--since: %q is neither a time like 2026-11-23T12:00:00Z nor a duration like 10m", text))
}
