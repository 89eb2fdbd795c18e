package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"releve.dev/releve/client"
	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

func (a *API) registerEvents() {
	read := access.SiteRead
	register(a, operation{id: "list-events", method: http.MethodGet, path: "/events", tag: "events", action: read,
		summary: "List events", about: "The newest first (F9). A part may have fewer events than asked for, or none, and yet a next."}, a.listEvents)
	register(a, operation{id: "export-events", method: http.MethodGet, path: "/events/export", tag: "events", action: read,
		summary: "Export events", about: "All that fit, as a table (CSV) or as lines of JSON."}, a.exportEvents)
	register(a, operation{id: "follow-events", method: http.MethodGet, path: "/events/stream", tag: "events", action: read,
		summary: "Follow events", about: "Server-sent events: each has an Event as its data, and its arrival as its id. Who is too slow is cut, and goes on with Last-Event-ID."}, a.followEvents)
}

// readFilter makes a filter of an input.
func readFilter(in client.EventFilter) (events.Filter, error) {
	f := events.Filter{Site: in.Site, Serial: in.Serial, Text: in.Text}
	for _, k := range in.Kinds {
		f.Kinds = append(f.Kinds, event.Kind(k))
	}
	refuse := func(field string, err error) (events.Filter, error) {
		return f, &inventory.Refusal{Kind: inventory.Invalid, Field: field, Message: err.Error()}
	}
	var err error
	if in.Role != "" {
		if f.Role, err = site.ParseSide(in.Role); err != nil {
			return refuse("role", err)
		}
	}
	for field, at := range map[string]struct {
		text string
		into *time.Time
	}{"from": {in.From, &f.From}, "until": {in.Until, &f.Until}} {
		if at.text == "" {
			continue
		}
		if *at.into, err = time.Parse(time.RFC3339, at.text); err != nil {
			return refuse(field, errors.New("not a time such as 2026-11-26T03:00:00Z"))
		}
	}
	if err := f.Check(); err != nil {
		return refuse("", err)
	}
	return f, nil
}

func (a *API) listEvents(ctx context.Context, c *caller, in *struct {
	client.EventFilter
	Paging
}) (*struct{ Body client.Page[client.Event] }, error) {
	f, err := readFilter(in.EventFilter)
	if err != nil {
		return nil, err
	}
	if _, err := events.ParseCursor(in.After); err != nil {
		return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: "after", Message: err.Error()}
	}
	page, err := a.Events.Page(ctx, c.who.Account, f, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	return answerPage(inventory.List[events.Kept]{Items: page.Events, Next: page.Next}, viewEvent), nil
}

func viewEvent(k events.Kept) client.Event {
	e := k.Event
	v := client.Event{ID: e.ID.String(), Arrival: k.Arrival, Time: e.Time, Since: moment(e.Since), Kind: string(e.Kind), Type: k.Type,
		SubType: k.SubType, Site: k.SiteID, Role: e.Role.String(), Serial: e.ID.Serial, PeerSerial: e.PeerSerial, Version: e.Version.String(),
		Interface: e.Interface, PoP: e.PoP, Reason: e.Reason, Message: e.Message, Timeline: e.Timeline}
	if e.OldVersion != nil {
		v.OldVersion = e.OldVersion.String()
	}
	return v
}

func (a *API) exportEvents(_ context.Context, c *caller, in *struct {
	client.EventFilter
	Format string `query:"format" enum:"csv,jsonl" default:"csv"`
}) (*huma.StreamResponse, error) {
	f, err := readFilter(in.EventFilter)
	if err != nil {
		return nil, err
	}
	write, kind := a.Events.CSV, "text/csv; charset=utf-8"
	if in.Format == "jsonl" {
		write, kind = a.Events.JSONLines, "application/jsonl"
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", kind)
		hc.SetHeader("Content-Disposition", "attachment; filename=events."+in.Format)
		_, w := humago.Unwrap(hc)
		if err := write(hc.Context(), w, c.who.Account, f); err != nil {
			_ = a.problem(hc.Context(), err) // into the log
			panic(http.ErrAbortHandler)      // what is cut short must not look whole
		}
	}}, nil
}

func (a *API) followEvents(ctx context.Context, c *caller, in *struct {
	client.EventFilter
	After int64 `query:"after" minimum:"0" doc:"The arrival after which to begin; absent: now"`
	Last  int64 `header:"Last-Event-ID" minimum:"0" doc:"The same, as browsers send it"`
}) (*huma.StreamResponse, error) {
	f, err := readFilter(in.EventFilter)
	if err != nil {
		return nil, err
	}
	after := max(in.After, in.Last)
	if after == 0 {
		if after, err = a.Events.Last(ctx, c.who.Account); err != nil {
			return nil, err
		}
	}
	return streaming(func(ctx context.Context, s *stream) error {
		return a.Events.Follow(ctx, c.who.Account, f, after, func(_ context.Context, all []events.Kept) error {
			for _, k := range all {
				if err := s.send(k.Arrival, viewEvent(k)); err != nil {
					return err
				}
			}
			return nil
		})
	}), nil
}
