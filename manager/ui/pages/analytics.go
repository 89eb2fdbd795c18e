package pages

import (
	"strconv"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
)

// Spans are those that figures are shown for.
var Spans = []string{"5m", "1h", "6h", "24h", "7d", "30d"}

// Span is one of them.
type Span struct {
	Name        string
	From, Until time.Time
}

// closely says that the figures are of the last minutes, and go on.
func (s Span) closely() bool { return s.Name == Spans[0] }

// every is after how many seconds the charts are read again; "0": not.
func (s Span) every() string {
	if s.closely() {
		return "10"
	}
	return "0"
}

// milliseconds is a time as scripts have it.
func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// nothingMeasured says why a site has no figures at all in a span.
func nothingMeasured(f *Frame, s inventory.Site, now status.Site, span Span) string {
	switch {
	case s.Primary.SeenAt.IsZero() && (s.Secondary == nil || s.Secondary.SeenAt.IsZero()):
		return f.T("analytics.none-new")
	case span.closely() && !now.Connected:
		return f.T("analytics.none-away")
	case span.closely():
		return f.T("analytics.none-yet")
	}
	return f.T("analytics.none")
}
