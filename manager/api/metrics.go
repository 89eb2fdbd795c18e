package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/history"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// History is what vSockets measured; *history.Service has it.
type History interface {
	Rule(from, until time.Time) status.Rule
	Series(ctx context.Context, account string, serial site.Serial, width time.Duration, from, until time.Time) ([]status.Bucket, error)
}

var _ History = (*history.Service)(nil)

// spanDefault is what is shown if nobody says since when.
const spanDefault = 24 * time.Hour

func (a *API) registerMetrics() {
	register(a, operation{id: "get-metrics", method: http.MethodGet, path: "/sites/{site}/metrics", tag: "status", action: access.SiteRead,
		summary: "Show what a site's vSockets measured", about: "Throughput, latency, loss and role over time (F10): in spans of five minutes for 8 days, of an hour for 400. Of the last hour, a quarter of it at most at once, also in spans of ten seconds, where somebody looked at the site. " +
			"A span is there some minutes after its end."}, a.metrics)
}

func (a *API) metrics(ctx context.Context, c *caller, in *struct {
	SiteID
	From  string `query:"from" doc:"RFC 3339; absent: a day before until"`
	Until string `query:"until" doc:"RFC 3339; absent: now"`
}) (*struct{ Body client.Metrics }, error) {
	from, until, err := a.span(in.From, in.Until)
	if err != nil {
		return nil, err
	}
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	rule := a.History.Rule(from, until)
	if until.Sub(from) > history.Most*rule.Width {
		return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: "from", Message: fmt.Sprintf("from %s until %s is more than is shown at once",
			from.Format(time.RFC3339), until.Format(time.RFC3339)), Remedy: fmt.Sprintf("ask for %d days at most", int(history.Most*rule.Width/(24*time.Hour)))}
	}
	v := client.Metrics{Site: s.ID, From: from, Until: until, WidthS: int(rule.Width / time.Second), Sockets: []client.SocketMetrics{}}
	sockets := []inventory.VSocket{s.Primary}
	if s.Secondary != nil {
		sockets = append(sockets, *s.Secondary)
	}
	for _, k := range sockets {
		series, err := a.History.Series(ctx, c.who.Account, k.Serial, rule.Width, from, until)
		if err != nil {
			return nil, err
		}
		v.Sockets = append(v.Sockets, client.SocketMetrics{Serial: string(k.Serial), Role: k.Side.String(), Points: viewPoints(series)})
	}
	return &struct{ Body client.Metrics }{v}, nil
}

// span reads two times.
func (a *API) span(fromText, untilText string) (from, until time.Time, err error) {
	read := func(field, text string, otherwise time.Time) time.Time {
		if text == "" {
			return otherwise
		}
		t, wrong := time.Parse(time.RFC3339, text)
		if wrong != nil && err == nil {
			err = &inventory.Refusal{Kind: inventory.Invalid, Field: field, Message: "not a time such as 2026-11-26T03:00:00Z"}
		}
		return t.UTC()
	}
	until = read("until", untilText, a.Now().UTC())
	from = read("from", fromText, until.Add(-spanDefault))
	if err == nil && !from.Before(until) {
		err = &inventory.Refusal{Kind: inventory.Invalid, Field: "from", Message: "from isn't before until"}
	}
	return from, until, err
}

func viewPoints(series []status.Bucket) []client.Point {
	points := make([]client.Point, 0, len(series))
	for i := range series {
		b := &series[i]
		share := func(n int) float64 { return float64(n) / float64(max(1, b.Samples)) }
		p := client.Point{Start: b.Start, Reports: b.Samples, Master: share(b.Master), Connected: share(b.Connected), Roles: map[string]float64{}}
		for role, n := range b.Roles {
			if n > 0 {
				p.Roles[site.Role(role).String()] = share(n)
			}
		}
		for metric, into := range map[status.Metric]**client.Measured{
			status.Received: &p.Received, status.Sent: &p.Sent, status.Latency: &p.Latency, status.Loss: &p.Loss,
			status.PacketsReceived: &p.PacketsReceived, status.PacketsSent: &p.PacketsSent,
		} {
			if f := b.Figures[metric]; f.Count > 0 {
				*into = &client.Measured{Mean: f.Mean(), Least: f.Least, Most: f.Most}
			}
		}
		points = append(points, p)
	}
	return points
}
