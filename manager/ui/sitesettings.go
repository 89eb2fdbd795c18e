package ui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) siteSettingRoutes() {
	set := access.SiteChange
	u.mux.HandleFunc("GET /sites/{site}/settings", u.page(set, func(v *visit) error { return v.siteSettings(http.StatusOK, nil, nil) }))
	u.mux.HandleFunc("POST /sites/{site}/settings", u.page(set, (*visit).setSite))
	u.mux.HandleFunc("POST /sites/{site}/timing", u.page(set, (*visit).setTiming))
	u.mux.HandleFunc("GET /sites/{site}/delete", u.page(set, func(v *visit) error { return v.askDelete(http.StatusOK, pages.Form{}) }))
	u.mux.HandleFunc("POST /sites/{site}/delete", u.page(set, (*visit).deleteSite))
}

// siteSettings are those of a site that are no addresses. A form that was refused is
// shown as it was sent.
func (v *visit) siteSettings(status int, general, timing *pages.Form) error {
	s, err := v.site()
	if err != nil {
		return err
	}
	pops, err := v.Inventory.PoPs(v.ctx(), v.actor())
	if err != nil {
		return err
	}
	if general == nil {
		general = &pages.Form{Values: url.Values{"name": {s.Name}, "pops": {names(s.PoPs)}, "tags": {strings.Join(s.Tags, " ")}}}
	}
	if timing == nil {
		timing = &pages.Form{Values: timingOf(s)}
	}
	return v.show(status, pages.SiteSettings(v.frame, s, pops, *general, *timing))
}

func names(pops []inventory.PoPRef) string {
	var all []string
	for _, p := range pops {
		all = append(all, p.Name)
	}
	return strings.Join(all, ", ")
}

// timingOf is what a site decides of its pair; what is empty is left to the vSockets.
func timingOf(s inventory.Site) url.Values {
	values := url.Values{}
	if s.HA == nil {
		return values
	}
	h := s.HA.Settings
	for name, d := range map[string]time.Duration{"keepalive": h.Keepalive, "silent": h.Silent, "lease": h.Lease, "confirm": h.Confirm, "hold": h.Hold} {
		if d != 0 {
			values.Set(name, d.String())
		}
	}
	values.Set("preempt", h.Preempt)
	values.Set("alone", h.Alone)
	values.Set("third", h.Third)
	return values
}

// setSite gives a site another name, other tags, or other PoPs.
func (v *visit) setSite() error {
	name, tags, pops := v.typed("name"), tagsOf(v.typed("tags")), []string{}
	for one := range strings.SplitSeq(v.typed("pops"), ",") {
		if one = strings.TrimSpace(one); one != "" {
			pops = append(pops, one)
		}
	}
	_, err := v.Inventory.SetSite(v.ctx(), v.actor(), v.r.PathValue("site"), v.seen(), inventory.Fields{Name: &name, Tags: &tags, PoPs: &pops})
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.GeneralFields(v.frame, form))
	case form.Refusal != nil:
		return v.siteSettings(statusOf(form.Refusal), &form, nil)
	}
	return v.goTo("/sites/" + v.r.PathValue("site") + "/settings?saved")
}

// setTiming decides on the pair's timers and on who may do what alone.
func (v *visit) setTiming() error {
	var read input.Reader
	given := func(name string) *string { text := v.typed(name); return &text }
	span := func(name string) *time.Duration { return read.Span(name, given(name)) }
	h := inventory.HAChange{Keepalive: span("keepalive"), Silent: span("silent"), Lease: span("lease"), Confirm: span("confirm"), Hold: span("hold"),
		Preempt: given("preempt"), Alone: given("alone"), Third: given("third")}
	err := read.Err()
	if err == nil {
		_, err = v.Inventory.SetHA(v.ctx(), v.actor(), v.r.PathValue("site"), v.seen(), h)
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.TimingFields(v.frame, form))
	case form.Refusal != nil:
		return v.siteSettings(statusOf(form.Refusal), nil, &form)
	}
	return v.goTo("/sites/" + v.r.PathValue("site") + "/settings?saved")
}

func (v *visit) askDelete(status int, form pages.Form) error {
	s, err := v.site()
	if err != nil {
		return err
	}
	return v.show(status, pages.DeleteSite(v.frame, s, form))
}

// deleteSite deletes a site without a secondary, once its name was typed.
func (v *visit) deleteSite() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	form, failed := v.form(v.doDelete(s))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.askDelete(statusOf(form.Refusal), form)
	}
	return v.goTo("/sites?saved")
}

func (v *visit) doDelete(s inventory.Site) error {
	if v.typed("typed") != s.Name {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "typed", Message: "this isn't the site's name"}
	}
	return v.Inventory.DeleteSite(v.ctx(), v.actor(), s.ID, v.seen())
}
