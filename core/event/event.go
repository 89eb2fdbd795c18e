package event

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/site"
)

// ID is one event's, for ever: the vSocket's serial number, one life of its
// agent, and the event's number in it. Sent again, it is the same event.
type ID struct {
	Serial string
	Boot   string
	Number uint64
}

func (id ID) String() string { return fmt.Sprintf("%s/%s/%d", id.Serial, id.Boot, id.Number) }

// ParseID reads what String wrote.
func ParseID(text string) (ID, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || !word(parts[0]) || !word(parts[1]) {
		return ID{}, fmt.Errorf("event id %q is not of the form serial/boot/number", text)
	}
	n, err := strconv.ParseUint(parts[2], 10, 63)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != parts[2] {
		return ID{}, fmt.Errorf("event id %q: %q is not a number from 1", text, parts[2])
	}
	return ID{parts[0], parts[1], n}, nil
}

// MarshalText makes an ID readable in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// Event is one thing that has happened.
type Event struct {
	ID    ID        `json:"id"`
	Kind  Kind      `json:"kind"`
	Time  time.Time `json:"time"`           // when it was sure, to the millisecond
	Since time.Time `json:"since,omitzero"` // when what it tells of began
	Slot  int64     `json:"slot,omitempty"` // of an event of the site; see SlotOf
	Site  string    `json:"site,omitempty"` // as the maker calls it
	Role  site.Side `json:"role"`           // the maker's, by configuration

	PeerSerial string        `json:"peer_serial,omitempty"`
	Version    site.Version  `json:"version"`
	OldVersion *site.Version `json:"old_version,omitempty"` // of an upgrade
	Interface  string        `json:"interface,omitempty"`
	PoP        string        `json:"pop,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	Message    string        `json:"message"`            // one sentence for people
	Timeline   string        `json:"timeline,omitempty"` // the site and term in which it was, as in the journal's lines
}

// SlotWidth is the step of slots: what two vSockets see at once they tell within
// it, with their clocks' difference.
const SlotWidth = 20 * time.Second

// SlotOf is the slot of a moment. Two events of a site and kind whose slots differ
// by at most one are the same.
func SlotOf(at time.Time) int64 { return at.Unix()/int64(SlotWidth/time.Second) + 1 }

// Same reports whether b tells again what a tells.
func Same(a, b Event) bool {
	if a.ID == b.ID {
		return true
	}
	return a.Kind == b.Kind && a.Site == b.Site && a.Slot != 0 && b.Slot != 0 && max(a.Slot, b.Slot)-min(a.Slot, b.Slot) <= 1
}

// Told is an event that the manager makes about a vSocket. Its texts may be
// anybody's words.
func Told(id ID, kind Kind, at time.Time, role site.Side, reason, message string) Event {
	at = milliseconds(at)
	return Event{ID: id, Kind: kind, Time: at, Since: at, Role: role, Reason: plain(reason, mostText), Message: plain(message, mostText)}
}
