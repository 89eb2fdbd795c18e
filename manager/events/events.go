package events

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

// Kept is an event as it was kept. Its Time is never later than when that was,
// so that nobody's wrong clock puts an event before all others for ever.
type Kept struct {
	event.Event
	Account string    `json:"-"`
	SiteID  string    `json:"site_id"`
	Arrival int64     `json:"arrival"` // where a follower goes on
	KeptAt  time.Time `json:"kept_at"`
	Type    string    `json:"type"`
	SubType string    `json:"sub_type"`
}

// Cursor is a place in the order of time, newest first.
type Cursor struct{ At, Arrival int64 }

// latest is before the first event.
var latest = Cursor{math.MaxInt64, math.MaxInt64}

func (c Cursor) String() string { return fmt.Sprintf("%d-%d", c.At, c.Arrival) }

// ParseCursor reads what String wrote; "" is the start.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return latest, nil
	}
	at, arrival, _ := strings.Cut(text, "-")
	a, errA := strconv.ParseInt(at, 10, 64)
	b, errB := strconv.ParseInt(arrival, 10, 64)
	c := Cursor{a, b}
	if errA != nil || errB != nil || c.String() != text {
		return Cursor{}, fmt.Errorf("cursor %q is none of this list\nhint: give the one that the page before ended with", text)
	}
	return c, nil
}

// before says whether c comes first in a list.
func (c Cursor) before(d Cursor) bool {
	return c.At > d.At || c.At == d.At && c.Arrival > d.Arrival
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// rowOf is an event of an origin's, kept now.
func rowOf(o origin, e *event.Event, now time.Time) query.Event {
	row := query.Event{
		Serial: e.ID.Serial, Boot: e.ID.Boot, Number: int64(e.ID.Number), AccountID: o.account, SiteID: o.site, SiteName: e.Site,
		KeptAt: millis(now), At: min(millis(e.Time), millis(now)), Since: millis(e.Since), Kind: string(e.Kind), Slot: e.Slot,
		Role: e.Role.String(), PeerSerial: e.PeerSerial, Version: e.Version.String(), Interface: e.Interface, Pop: e.PoP,
		Reason: e.Reason, Message: e.Message, Timeline: e.Timeline, Words: wordsOf(e),
	}
	if e.OldVersion != nil {
		row.OldVersion = e.OldVersion.String()
	}
	return row
}

// keptOf reads what rowOf wrote.
func keptOf(r *query.Event) (Kept, error) {
	e := event.Event{
		ID: event.ID{Serial: r.Serial, Boot: r.Boot, Number: uint64(r.Number)}, Kind: event.Kind(r.Kind),
		Time: fromMillis(r.At), Since: fromMillis(r.Since), Slot: r.Slot, Site: r.SiteName, PeerSerial: r.PeerSerial,
		Interface: r.Interface, PoP: r.Pop, Reason: r.Reason, Message: r.Message, Timeline: r.Timeline,
	}
	var err error
	if e.Role, err = site.ParseSide(r.Role); err != nil {
		return Kept{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	if e.Version, err = site.ParseVersion(r.Version); err != nil {
		return Kept{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	if r.OldVersion != "" {
		old, err := site.ParseVersion(r.OldVersion)
		if err != nil {
			return Kept{}, fmt.Errorf("event %s: %w", e.ID, err)
		}
		e.OldVersion = &old
	}
	d := e.Kind.Describe()
	return Kept{Event: e, Account: r.AccountID, SiteID: r.SiteID, Arrival: r.Arrival, KeptAt: fromMillis(r.KeptAt), Type: d.Type, SubType: d.SubType}, nil
}

func keptOfAll(rows []query.Event) ([]Kept, error) {
	all := make([]Kept, 0, len(rows))
	for i := range rows {
		k, err := keptOf(&rows[i])
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}
