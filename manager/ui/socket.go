package ui

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/input"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/site"
)

func (u *UI) socketRoutes() {
	u.mux.HandleFunc("GET /sites/{site}/socket", u.page(access.SiteRead, (*visit).socket))
	u.mux.HandleFunc("POST /sites/{site}/key/{side}", u.page(access.SocketEnrol, (*visit).key))
	u.mux.HandleFunc("POST /sites/{site}/webui/{side}", u.page(access.SocketWebUI, (*visit).openWebUI))
	u.mux.HandleFunc("GET /sites/{site}/secondary", u.page(access.SiteChange, (*visit).askSecondary))
	u.mux.HandleFunc("POST /sites/{site}/secondary", u.page(access.SiteChange, (*visit).addSecondary))
	u.mux.HandleFunc("POST /sites/{site}/ha", u.page(access.SiteChange, (*visit).setHA))
	u.mux.HandleFunc("GET /sites/{site}/unassign", u.page(access.SocketUnassign, (*visit).askUnassign))
	u.mux.HandleFunc("POST /sites/{site}/unassign", u.page(access.SocketUnassign, (*visit).unassign))
}

// seen is the generation that a change's author saw.
func (v *visit) seen() inventory.Change {
	n, err := strconv.ParseUint(v.r.PostFormValue("generation"), 10, 63)
	if err != nil {
		n = 0 // the use case says what is missing
	}
	return inventory.Change{IfMatch: n, DryRun: v.checking()}
}

func (v *visit) socket() error {
	s, now, err := v.siteNow()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Socket(v.frame, s, now, haForm(s)))
}

// haForm has a site's addresses in it.
func haForm(s inventory.Site) pages.Form {
	values := url.Values{"primary_ip": {s.Primary.LANIP.String()}, "native": {s.Native.Prefix.String()}}
	if s.HA != nil {
		values.Set("floating_ip", s.HA.FloatingIP.String())
		values.Set("secondary_ip", s.HA.SecondaryIP.String())
	}
	return pages.Form{Values: values}
}

// key makes the key with which a vSocket enrols, and shows it once.
func (v *visit) key() error {
	s, k, err := v.sideOf()
	if err != nil {
		return err
	}
	made, err := v.Inventory.EnrolKey(v.ctx(), v.actor(), k.Serial, inventory.Change{})
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Key(v.frame, s, made.String(), string(k.Serial)))
}

// sideOf is the site and the vSocket that the path names.
func (v *visit) sideOf() (inventory.Site, inventory.VSocket, error) {
	s, err := v.site()
	switch {
	case err != nil:
		return s, inventory.VSocket{}, err
	case v.r.PathValue("side") != site.Secondary.String():
		return s, s.Primary, nil
	case s.Secondary == nil:
		return s, inventory.VSocket{}, &inventory.Refusal{Kind: inventory.Absent, Message: fmt.Sprintf("site %q has no secondary vSocket", s.Name)}
	}
	return s, *s.Secondary, nil
}

func (v *visit) askSecondary() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	if !s.CanAddSecondary {
		return v.goTo("/sites/" + s.ID + "/socket")
	}
	return v.show(http.StatusOK, pages.AddSecondary(v.frame, s, pages.Form{}))
}

// addSecondary adds it (E3 to E6).
func (v *visit) addSecondary() error {
	id := v.r.PathValue("site")
	var read input.Reader
	n := inventory.Secondary{LANIP: read.Addr("secondary_ip", v.typed("secondary_ip")), FloatingIP: read.Addr("floating_ip", v.typed("floating_ip"))}
	err := read.Err()
	if err == nil {
		_, err = v.Inventory.AddSecondary(v.ctx(), v.actor(), id, v.seen(), n)
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.AddSecondaryFields(v.frame, form))
	case form.Refusal != nil:
		s, err := v.site()
		if err != nil {
			return err
		}
		return v.show(statusOf(form.Refusal), pages.AddSecondary(v.frame, s, form))
	}
	return v.goTo("/sites/" + id + "/socket?saved")
}

// setHA changes the high-availability section (E7).
func (v *visit) setHA() error {
	id := v.r.PathValue("site")
	var read input.Reader
	h := inventory.HAChange{FloatingIP: read.Addr("floating_ip", v.typed("floating_ip")), PrimaryIP: read.Addr("primary_ip", v.typed("primary_ip")),
		SecondaryIP: read.Addr("secondary_ip", v.typed("secondary_ip"))}
	err := read.Err()
	if err == nil {
		_, err = v.Inventory.SetHA(v.ctx(), v.actor(), id, v.seen(), h)
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.HAFields(v.frame, form))
	case form.Refusal != nil:
		s, now, err := v.siteNow()
		if err != nil {
			return err
		}
		return v.show(statusOf(form.Refusal), pages.Socket(v.frame, s, now, form))
	}
	return v.goTo("/sites/" + id + "/socket?saved")
}

func (v *visit) askUnassign() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	if s.Secondary == nil {
		return v.goTo("/sites/" + s.ID + "/socket")
	}
	return v.showUnassign(http.StatusOK, s, pages.Form{})
}

func (v *visit) showUnassign(status int, s inventory.Site, form pages.Form) error {
	confirm, err := v.confirm("/sites/" + s.ID + "/unassign")
	if err != nil {
		return err
	}
	return v.show(status, pages.Unassign(v.frame, s, form, confirm))
}

// unassign takes the secondary away for ever, once its serial number was typed (E9).
func (v *visit) unassign() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	if s.Secondary == nil {
		return v.goTo("/sites/" + s.ID + "/socket")
	}
	form, failed := v.form(v.doUnassign(s))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.showUnassign(statusOf(form.Refusal), s, form)
	}
	return v.goTo("/sites/" + s.ID + "/socket?saved")
}

func (v *visit) doUnassign(s inventory.Site) error {
	if v.typed("typed") != string(s.Secondary.Serial) {
		return &inventory.Refusal{Kind: inventory.Invalid, Field: "typed", Message: "this isn't the secondary's serial number"}
	}
	if err := v.confirmed(); err != nil {
		return err
	}
	_, err := v.Inventory.Unassign(v.ctx(), v.actor(), s.ID, v.seen())
	return err
}
