package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/takeovers"
)

func (a *API) registerTakeovers() {
	register(a, operation{id: "list-takeovers", method: http.MethodGet, path: "/sites/{site}/takeovers", tag: "events", action: access.SiteRead,
		summary: "List a site's takeovers", about: "The newest first, each as the vSocket that took over tells it once it is over (B13), with Azure's time apart. They are kept for as long as events."}, a.listTakeovers)
}

func (a *API) listTakeovers(ctx context.Context, c *caller, in *struct {
	SiteID
	Paging
	From  string `query:"from" doc:"RFC 3339: granted then or later"`
	Until string `query:"until" doc:"RFC 3339: granted before"`
	Rows  bool   `query:"rows" doc:"With what the vSocket saw, decided and called"`
}) (*struct{ Body client.Page[client.Takeover] }, error) {
	s, err := a.Inventory.Site(ctx, c.actor(), in.Site)
	if err != nil {
		return nil, err
	}
	var span takeovers.Span
	for field, at := range map[string]struct {
		text string
		into *time.Time
	}{"from": {in.From, &span.From}, "until": {in.Until, &span.Until}} {
		if at.text == "" {
			continue
		}
		if *at.into, err = time.Parse(time.RFC3339, at.text); err != nil {
			return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: field, Message: "not a time such as 2026-11-26T03:00:00Z"}
		}
	}
	page, err := a.Takeovers.Page(ctx, c.who.Account, s.ID, span, in.After, in.Limit)
	if errors.Is(err, takeovers.ErrCursor) {
		return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: "after", Message: "this is no place in the list", Remedy: "give what the part before told as next"}
	}
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[takeovers.Kept]{Items: page.Takeovers, Next: page.Next}, func(k takeovers.Kept) client.Takeover { return viewTakeover(k, in.Rows) }), nil
}

func viewTakeover(k takeovers.Kept, rows bool) client.Takeover {
	t := k.Times()
	v := client.Takeover{Term: uint64(k.Term), Role: k.Side.String(), Serial: k.Serial, Cause: k.Cause(), Began: k.Began(), Granted: k.Granted(),
		ClaimedMS: milliseconds(t.Claimed), GrantedMS: milliseconds(t.Granted), EndedMS: milliseconds(t.Ended), AzureMS: milliseconds(t.Azure), OursMS: milliseconds(t.Ours())}
	if t.Serving > 0 {
		ms := milliseconds(t.Serving)
		v.ServingMS = &ms
	}
	if !rows {
		return v
	}
	v.Left = k.Left
	for _, s := range k.Steps() {
		v.Rows = append(v.Rows, client.TakeoverRow{AfterMS: milliseconds(s.After), Time: s.Wall, Kind: string(s.Kind), What: s.What, Detail: s.Detail, TookMS: milliseconds(s.Took)})
	}
	return v
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
