package pages

import (
	"time"

	"releve.dev/releve/site"
)

// HA is the state of the pair, and how it came about.
type HA struct {
	Now
	Timeline
}

// Timeline is the journal's end (B13).
type Timeline struct {
	Since   string       // one of Spans
	Entries []site.Entry // the newest first
	Cut     bool         // there are more
	Wrong   string
}

// Spans are how far back a timeline may begin.
var Spans = []string{"10m", "1h", "24h", "168h"}

// MostEntries is how many a page shows.
const MostEntries = 300

// since is how long after the one before an entry came; they are the newest first.
func (t *Timeline) since(f *Frame, i int) string {
	if i+1 >= len(t.Entries) {
		return ""
	}
	d := t.Entries[i].Wall.Sub(t.Entries[i+1].Wall)
	if d < 0 || d >= time.Hour {
		return ""
	}
	return "+" + f.span(d.Seconds())
}

// marks are the entries that one looks for first.
var marks = map[string]string{"active": "ok", "standby": "idle", "claim": "warn", "peer silent": "bad", "peer heard": "ok", "unfit": "bad", "fit": "ok"}
