package ui

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/a-h/templ"

	"releve.dev/releve/core/event"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/sse"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/manager/watch"
)

func (u *UI) siteRoutes() {
	u.mux.HandleFunc("GET /sites", u.page(access.SiteRead, (*visit).sites))
	u.mux.HandleFunc("GET /sites/new", u.page(access.SiteChange, func(v *visit) error { return v.show(http.StatusOK, pages.NewSite(v.frame, pages.Form{})) }))
	u.mux.HandleFunc("POST /sites/new", u.page(access.SiteChange, (*visit).newSite))
	u.mux.HandleFunc("GET /sites/{site}", u.page(access.SiteRead, (*visit).overview))
	u.mux.HandleFunc("GET /sites/{site}/live", u.page(access.SiteRead, (*visit).live))
	u.mux.HandleFunc("GET /sites/{site}/analytics", u.page(access.SiteRead, (*visit).analytics))
}

// sites is a part of the list. It reads no more sites than it shows.
func (v *visit) sites() error {
	query := v.r.URL.Query()
	list, err := v.Inventory.Search(v.ctx(), v.actor(), inventory.Search{Text: query.Get("q"), Tag: query.Get("tag"), Health: query.Get("health")},
		inventory.Page{After: query.Get("after")})
	if err != nil {
		return err
	}
	counts, err := v.Inventory.Healths(v.ctx(), v.actor())
	if err != nil {
		return err
	}
	tags, err := v.Inventory.Tags(v.ctx(), v.actor())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Sites(v.frame, query, list, counts, tags))
}

// site is the one that the path names.
func (v *visit) site() (inventory.Site, error) {
	return v.Inventory.Site(v.ctx(), v.actor(), v.r.PathValue("site"))
}

// siteNow is also how it is.
func (v *visit) siteNow() (s inventory.Site, now status.Site, err error) {
	if s, err = v.site(); err == nil {
		now, err = v.Status.Site(v.ctx(), v.who.Account, s.ID)
	}
	return s, now, err
}

// checking says that what was typed so far is to be checked, not kept.
func (v *visit) checking() bool { return v.r.URL.Query().Has("check") }

// typed is a field of a form, without the blanks that copying brings.
func (v *visit) typed(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }

// form is what was sent, and what is wrong with it.
func (v *visit) form(err error) (pages.Form, error) {
	f := pages.Form{Typing: v.checking()}
	if err != nil {
		if f.Refusal, err = refusalOf(err); err != nil {
			return f, err
		}
	}
	_ = v.r.ParseForm()
	f.Values = v.r.PostForm
	return f, nil
}

// newSite makes one (E1).
func (v *visit) newSite() error {
	var read input.Reader
	n := inventory.NewSite{Name: v.typed("name"), Native: read.Subnet("native", v.typed("native")), LocalIP: read.Addr("primary_ip", v.typed("primary_ip")), Tags: tagsOf(v.typed("tags"))}
	err := read.Err()
	var made inventory.Site
	if err == nil {
		made, err = v.Inventory.CreateSite(v.ctx(), v.actor(), n, inventory.Change{DryRun: v.checking()})
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.NewSiteFields(v.frame, form))
	case form.Refusal != nil:
		return v.show(statusOf(form.Refusal), pages.NewSite(v.frame, form))
	}
	return v.goTo("/sites/" + made.ID + "/socket?saved")
}

// tagsOf reads them as people write them.
func tagsOf(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
}

// lastFailOver is the last event of a takeover.
func (v *visit) lastFailOver(ctx context.Context, id string) ([]events.Kept, error) {
	page, err := v.Events.Page(ctx, v.who.Account, events.Filter{Site: id, Kinds: []event.Kind{event.FailOver}}, "", 1)
	return page.Events, err
}

func (v *visit) overview() error {
	s, now, err := v.siteNow()
	if err != nil {
		return err
	}
	last, err := v.lastFailOver(v.ctx(), s.ID)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Overview(v.frame, s, now, last))
}

// live sends what of a page changes by itself, whenever it does.
func (v *visit) live() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	name := v.r.URL.Query().Get("part")
	watching := watch.Watcher{Inventory: v.Inventory, Status: v.Status, Fleet: v.Fleet}
	sse.Serve(v.ctx(), v.w, func(ctx context.Context, out *sse.Stream) error {
		return watching.Site(ctx, v.actor(), s.ID, func(s inventory.Site, now status.Site) error {
			v.frame.Now = v.Now()
			shown, err := v.livePart(ctx, name, s, now)
			if err != nil {
				return err
			}
			var text strings.Builder
			if err := shown.Render(ctx, &text); err != nil {
				return err
			}
			return out.Send(0, text.String())
		})
	})
	return nil
}

// part is what of a page changes by itself.
type part = templ.Component

// livePart is one of a site's pages.
func (v *visit) livePart(ctx context.Context, name string, s inventory.Site, now status.Site) (part, error) {
	switch name {
	case "socket":
		return pages.SocketLive(v.frame, s, now), nil
	case "analytics":
		return v.analyticsLive(ctx, s, now)
	}
	last, err := v.lastFailOver(ctx, s.ID)
	return pages.OverviewLive(v.frame, s, now, last), err
}
