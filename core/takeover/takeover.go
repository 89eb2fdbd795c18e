// Package takeover is the story of one takeover, in the rows of the vSocket that
// took over: what it saw, decided and called (B13). The vSocket cuts it out of its
// journal and sends it to the manager, which keeps it; whoever shows it asks here
// which of its time was Azure's.
package takeover

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"releve.dev/releve/site"
)

// Takeover is one granted term.
type Takeover struct {
	Term site.Term    `json:"term"`
	Side site.Side    `json:"side"`           // of who took over
	Rows []site.Entry `json:"rows"`           // the oldest first
	Left int          `json:"left,omitempty"` // how many of its rows aren't here: there were too many
}

// The limits of what is sent.
const (
	MostRows   = 120
	MostBytes  = 60 << 10 // as JSON: less than an event's body may be
	mostDetail = 256
	mostWord   = 64
)

// The journal's constant texts, as far as a takeover's story depends on them.
const (
	whatClaim   = "claim"
	whatFailed  = "claim failed"
	whatGranted = "term granted"
	whatOpened  = "gate opened"
	whatRead    = "floating ip read back"
	whatSteered = "steering done"
	whatWrite   = "arm write"
	whatStarted = "started"
)

// Encode writes it as JSON.
func (t *Takeover) Encode() ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(t)
	if err == nil && len(raw) > MostBytes {
		err = fmt.Errorf("takeover of term %d: %d bytes, more than %d", t.Term, len(raw), MostBytes)
	}
	return raw, err
}

// Decode reads what somebody else has encoded.
func Decode(raw []byte) (*Takeover, error) {
	if len(raw) > MostBytes {
		return nil, fmt.Errorf("takeover of %d bytes: at most %d", len(raw), MostBytes)
	}
	t := &Takeover{}
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, fmt.Errorf("takeover: %w", err)
	}
	for i := range t.Rows {
		t.Rows[i].Wall = t.Rows[i].Wall.UTC()
	}
	return t, t.Check()
}

// Check says what is wrong with it.
func (t *Takeover) Check() error {
	switch {
	case t.Term == 0 || t.Term > 1<<63-1 || t.Side != site.Primary && t.Side != site.Secondary || t.Left < 0:
		return fmt.Errorf("takeover of term %d by the %s: there is none such", t.Term, t.Side)
	case len(t.Rows) == 0 || len(t.Rows) > MostRows:
		return fmt.Errorf("takeover of term %d: %d rows, not 1 to %d", t.Term, len(t.Rows), MostRows)
	case t.granted() < 0:
		return fmt.Errorf("takeover of term %d: none of its rows grants it", t.Term)
	}
	for i, r := range t.Rows {
		switch {
		case i > 0 && r.At < t.Rows[i-1].At:
			return fmt.Errorf("takeover of term %d: its row %d is before the one before", t.Term, i)
		case r.Wall.UnixMilli() <= 0 || r.Wall.Year() > 9999:
			return fmt.Errorf("takeover of term %d: row %d has no time that can be kept", t.Term, i)
		case !plain(r.What, mostWord) || r.What == "" || !plain(r.Detail, mostDetail) || !plain(r.Who, mostWord):
			return fmt.Errorf("takeover of term %d: a text of row %d is too long, or no plain line", t.Term, i)
		}
	}
	return nil
}

// plain is a short text of one line.
func plain(text string, most int) bool {
	for _, c := range text {
		if c < ' ' || c == utf8.RuneError {
			return false
		}
	}
	return len(text) <= most
}

// tidy makes a text plain.
func tidy(text string, most int) string {
	out := make([]rune, 0, len(text))
	size := 0
	for _, c := range text {
		if c < ' ' || c == utf8.RuneError {
			c = ' '
		}
		if size += utf8.RuneLen(c); size > most {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// granted is the row that grants the term.
func (t *Takeover) granted() int {
	for i := range t.Rows {
		if term, is := grants(&t.Rows[i]); is && term == t.Term {
			return i
		}
	}
	return -1
}

// Granted is when the term was granted, to the millisecond: with the serial number
// and the term it names the takeover.
func (t *Takeover) Granted() time.Time {
	return t.Rows[t.granted()].Wall.UTC().Truncate(time.Millisecond)
}

// Began is the first sign of it.
func (t *Takeover) Began() time.Time { return t.Rows[0].Wall }

// grants reads the term that a row grants.
func grants(e *site.Entry) (term site.Term, is bool) {
	if e.What != whatGranted {
		return 0, false
	}
	return termOf(e)
}

// termOf reads "term 7: why".
func termOf(e *site.Entry) (term site.Term, is bool) {
	_, err := fmt.Sscanf(e.Detail, "term %d", &term)
	return term, err == nil && term > 0
}
