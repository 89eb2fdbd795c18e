package ui

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/manager/ui/pages"
)

// spans are those of pages.Spans.
var spans = map[string]time.Duration{"5m": 5 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "24h": 24 * time.Hour,
	"7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

// span is the one that was chosen.
func (v *visit) span() pages.Span {
	name := v.r.URL.Query().Get("span")
	if spans[name] == 0 {
		name = "24h"
	}
	until := v.Now().UTC().Truncate(time.Second)
	return pages.Span{Name: name, From: until.Add(-spans[name]), Until: until}
}

// analytics shows the figures that the API has: its script reads them there. While it
// is looked at, the vSockets report each second, as with the overview.
func (v *visit) analytics() error {
	s, now, err := v.siteNow()
	if err != nil {
		return err
	}
	span := v.span()
	source := api.Prefix + "/sites/" + s.ID + "/metrics?" + url.Values{"from": {span.From.Format(time.RFC3339)}, "until": {span.Until.Format(time.RFC3339)}}.Encode()
	marks, err := v.marks(v.ctx(), s, span)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Analytics(v.frame, s, now, span, source, marks))
}

// marks are the takeovers that charts show.
func (v *visit) marks(ctx context.Context, s inventory.Site, span pages.Span) ([]takeovers.Kept, error) {
	page, err := v.Takeovers.Page(ctx, v.who.Account, s.ID, takeovers.Span{From: span.From}, "", takeovers.MostLimit)
	return page.Takeovers, err
}

// analyticsLive is what of it changes by itself.
func (v *visit) analyticsLive(ctx context.Context, s inventory.Site, now status.Site) (part, error) {
	marks, err := v.marks(ctx, s, v.span())
	return pages.AnalyticsLive(v.frame, s, now, marks), err
}
