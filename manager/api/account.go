package api

import (
	"context"
	"net/http"
	"time"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

func (a *API) registerAccount() {
	register(a, operation{id: "get-account", method: http.MethodGet, path: "/account", tag: "session", action: access.SiteRead,
		summary: "Show my account", about: "And for how long the manager keeps what has happened, which its own options decide."}, a.account)
}

func (a *API) account(ctx context.Context, c *caller, _ *nothing) (*struct{ Body client.Account }, error) {
	found, err := a.Inventory.Account(ctx, c.actor())
	if err != nil {
		return nil, err
	}
	return &struct{ Body client.Account }{a.viewAccount(found)}, nil
}

func (a *API) viewAccount(found inventory.Account) client.Account {
	v := client.Account{ID: found.ID, Name: found.Name, Created: found.CreatedAt, EventDays: days(a.Retention.Events), Figures: []client.Kept{}}
	for _, r := range a.Retention.Figures {
		v.Figures = append(v.Figures, client.Kept{Span: span(r.Width), Days: days(r.Keep)})
	}
	return v
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }
