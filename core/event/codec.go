package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of what comes from elsewhere.
const (
	MostBytes = 8 << 10 // of an event in JSON
	mostText  = 512     // of a reason or a message
	mostWord  = 64      // of a name
)

// Encode writes an event as a line of JSON, without its end.
func Encode(e Event) ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}

// Decode reads an event that somebody else has written. A kind or a field that
// only a later version knows is no fault: no event is lost for it.
func Decode(text []byte) (Event, error) {
	if len(text) > MostBytes {
		return Event{}, fmt.Errorf("event of %d bytes: at most %d", len(text), MostBytes)
	}
	var e Event
	if err := json.Unmarshal(text, &e); err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	e.Time = e.Time.UTC()
	if !e.Since.IsZero() {
		e.Since = e.Since.UTC()
	}
	return e, e.Check()
}

// Check says what is wrong with an event.
func (e *Event) Check() error {
	words := [...]struct{ name, text string }{
		{"serial", e.ID.Serial}, {"boot", e.ID.Boot}, {"kind", string(e.Kind)}, // these may not be empty
		{"site", e.Site}, {"peer_serial", e.PeerSerial}, {"interface", e.Interface}, {"pop", e.PoP},
	}
	for i, w := range words {
		if i < 3 && !word(w.text) || !short(w.text, mostWord) {
			return fmt.Errorf("event %s: %s %q is not a name", e.ID, w.name, w.text)
		}
	}
	for name, text := range map[string]string{"reason": e.Reason, "message": e.Message, "timeline": e.Timeline} {
		if !short(text, mostText) {
			return fmt.Errorf("event %s: its %s is longer than %d bytes, or is no plain line", e.ID, name, mostText)
		}
	}
	return e.checkNumbers()
}

func (e *Event) checkNumbers() error {
	switch {
	case e.ID.Number == 0 || e.ID.Number > 1<<63-1:
		return fmt.Errorf("event %s: its number is out of range", e.ID)
	case !moment(e.Time):
		return fmt.Errorf("event %s: its time %s is not one between 1970 and 9999, in whole milliseconds", e.ID, e.Time)
	case !e.Since.IsZero() && !moment(e.Since):
		return fmt.Errorf("event %s: since %s is not a time between 1970 and 9999, in whole milliseconds", e.ID, e.Since)
	case e.Kind.OfSite() && e.Slot != SlotOf(e.Time):
		return fmt.Errorf("event %s: slot %d is not that of its time", e.ID, e.Slot)
	case !e.Kind.OfSite() && e.Slot != 0:
		return fmt.Errorf("event %s: a slot, though no event of the site", e.ID)
	}
	return nil
}

// moment says whether a time survives being kept in milliseconds.
func moment(t time.Time) bool {
	return t.UnixMilli() > 0 && t.Year() <= 9999 && t.Nanosecond()%int(time.Millisecond) == 0
}

// word is what stands in an ID: letters, digits, and - . _ :
func word(text string) bool {
	for _, c := range []byte(text) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._:", c) >= 0) {
			return false
		}
	}
	return text != "" && len(text) <= mostWord
}

func short(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

// plain makes a text of somebody's, such as Azure's words for an error, fit for
// an event.
func plain(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
