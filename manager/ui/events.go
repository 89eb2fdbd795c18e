package ui

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/sse"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/site"
)

func (u *UI) eventRoutes() {
	read := access.SiteRead
	u.mux.HandleFunc("GET /events", u.page(read, (*visit).events))
	u.mux.HandleFunc("GET /events/live", u.page(read, (*visit).followEvents))
	u.mux.HandleFunc("GET /sites/{site}/events", u.page(read, (*visit).siteEvents))
	u.mux.HandleFunc("GET /sites/{site}/events/live", u.page(read, (*visit).followEvents))
	u.mux.HandleFunc("GET /sites/{site}/failovers", u.page(read, (*visit).takeovers))
	u.mux.HandleFunc("GET /audit", u.page(access.AuditRead, (*visit).audit))
}

// filter is what the address says; its site is the path's, if that has one.
func (v *visit) filter() (f events.Filter, err error) {
	query := v.r.URL.Query()
	f = events.Filter{Site: v.r.PathValue("site"), Text: query.Get("text")}
	if kind := query.Get("kind"); kind != "" {
		f.Kinds = []event.Kind{event.Kind(kind)}
	}
	if role := query.Get("role"); role != "" {
		if f.Role, err = site.ParseSide(role); err != nil {
			return f, &inventory.Refusal{Kind: inventory.Invalid, Field: "role", Message: err.Error()}
		}
	}
	if err := f.Check(); err != nil {
		return f, &inventory.Refusal{Kind: inventory.Invalid, Message: err.Error()}
	}
	return f, nil
}

// found is a part of the events that are meant, and the place of the last that had
// come before they were looked for.
func (v *visit) found() (page events.Page, last int64, err error) {
	f, err := v.filter()
	if err != nil {
		return page, 0, err
	}
	after := v.r.URL.Query().Get("after")
	if _, err := events.ParseCursor(after); err != nil {
		return page, 0, &inventory.Refusal{Kind: inventory.Invalid, Field: "after", Message: err.Error()}
	}
	if last, err = v.Events.Last(v.ctx(), v.who.Account); err != nil {
		return page, 0, err
	}
	page, err = v.Events.Page(v.ctx(), v.who.Account, f, after, 0)
	return page, last, err
}

func (v *visit) events() error {
	page, last, err := v.found()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Events(v.frame, v.r.URL.Query(), page.Events, page.Next, last))
}

func (v *visit) siteEvents() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	page, last, err := v.found()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.SiteEvents(v.frame, s, v.r.URL.Query(), page.Events, page.Next, last))
}

// followEvents sends rows of events as they come.
func (v *visit) followEvents() error {
	f, err := v.filter()
	if err != nil {
		return err
	}
	after := v.r.Header.Get("Last-Event-ID")
	if after == "" {
		after = v.r.URL.Query().Get("last")
	}
	last, err := strconv.ParseInt(after, 10, 64)
	if err != nil || last < 0 {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "last", Message: "this is no place in the events"}
	}
	sse.Serve(v.ctx(), v.w, func(ctx context.Context, out *sse.Stream) error {
		return v.Events.Follow(ctx, v.who.Account, f, last, func(ctx context.Context, all []events.Kept) error {
			for _, k := range all {
				var row strings.Builder
				if err := pages.EventRows(v.frame, []events.Kept{k}).Render(ctx, &row); err != nil {
					return err
				}
				if err := out.Send(k.Arrival, row.String()); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return nil
}

func (v *visit) audit() error {
	list, err := v.Inventory.Audit(v.ctx(), v.actor(), inventory.Page{After: v.r.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range list.Items {
		ids = append(ids, r.Actor, r.Target)
	}
	names, err := v.Access.Names(v.ctx(), v.who.Account, ids)
	if err != nil {
		return err
	}
	entries := make([]pages.AuditEntry, 0, len(list.Items))
	for _, r := range list.Items {
		entries = append(entries, pages.AuditEntry{AuditRow: r, ActorName: names[r.Actor], TargetName: names[r.Target]})
	}
	return v.show(http.StatusOK, pages.Audit(v.frame, v.r.URL.Query(), entries, list.Next))
}
