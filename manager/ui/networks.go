package ui

import (
	"net/http"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) networkRoutes() {
	u.mux.HandleFunc("GET /sites/{site}/networks", u.page(access.SiteRead, func(v *visit) error {
		s, err := v.site()
		if err != nil {
			return err
		}
		return v.show(http.StatusOK, pages.Networks(v.frame, s, haForm(s), pages.Form{}))
	}))
	u.mux.HandleFunc("POST /sites/{site}/native", u.page(access.SiteChange, (*visit).setNative))
	u.mux.HandleFunc("POST /sites/{site}/ranges", u.page(access.SiteChange, (*visit).addRange))
	u.mux.HandleFunc("POST /sites/{site}/ranges/{range}/remove", u.page(access.SiteChange, (*visit).removeRange))
}

// setNative changes the native range and the addresses in it, at once (E7).
func (v *visit) setNative() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	var read input.Reader
	n := inventory.NativeChange{Prefix: read.Subnet("native", v.typed("native")), PrimaryIP: read.Addr("primary_ip", v.typed("primary_ip"))}
	if s.HA != nil {
		n.LocalIP, n.SecondaryIP = read.Addr("floating_ip", v.typed("floating_ip")), read.Addr("secondary_ip", v.typed("secondary_ip"))
	}
	if err = read.Err(); err == nil {
		_, err = v.Inventory.SetNative(v.ctx(), v.actor(), s.ID, v.seen(), n)
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.NativeFields(v.frame, s, form))
	case form.Refusal != nil:
		return v.show(statusOf(form.Refusal), pages.Networks(v.frame, s, form, pages.Form{}))
	}
	return v.goTo("/sites/" + s.ID + "/networks?saved")
}

// addRange adds a routed range (E8).
func (v *visit) addRange() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	var read input.Reader
	r := inventory.Range{Name: v.typed("name"), Prefix: read.Subnet("prefix", v.typed("prefix")), Gateway: read.Addr("gateway", v.typed("gateway"))}
	if err = read.Err(); err == nil {
		_, err = v.Inventory.AddRange(v.ctx(), v.actor(), s.ID, v.seen(), r)
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.RangeFields(v.frame, s, form))
	case form.Refusal != nil:
		return v.show(statusOf(form.Refusal), pages.Networks(v.frame, s, haForm(s), form))
	}
	return v.goTo("/sites/" + s.ID + "/networks?saved")
}

func (v *visit) removeRange() error {
	id := v.r.PathValue("site")
	if _, err := v.Inventory.RemoveRange(v.ctx(), v.actor(), id, v.seen(), v.r.PathValue("range")); err != nil {
		return err
	}
	return v.goTo("/sites/" + id + "/networks?saved")
}
