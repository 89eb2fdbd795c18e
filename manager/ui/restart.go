package ui

import (
	"net/http"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/restart"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/site"
)

func (u *UI) restartRoutes() {
	u.mux.HandleFunc("GET /sites/{site}/restart/{side}", u.page(access.SocketRestart, func(v *visit) error {
		return v.askRestart(http.StatusOK, pages.Form{})
	}))
	u.mux.HandleFunc("POST /sites/{site}/restart/{side}", u.page(access.SocketRestart, (*visit).doRestart))
}

// chosen is the vSocket that the path names.
func (v *visit) chosen(s inventory.Site) (inventory.VSocket, error) {
	switch side := v.r.PathValue("side"); {
	case side == site.Primary.String():
		return s.Primary, nil
	case side == site.Secondary.String() && s.Secondary != nil:
		return *s.Secondary, nil
	}
	return inventory.VSocket{}, &inventory.Refusal{Kind: inventory.Absent, Message: "there is nothing at " + v.r.URL.Path}
}

// askRestart says what a restart does, and what it would cut off.
func (v *visit) askRestart(status int, form pages.Form) error {
	s, now, err := v.siteNow()
	if err != nil {
		return err
	}
	k, err := v.chosen(s)
	if err != nil {
		return err
	}
	confirm, err := v.confirm("/sites/" + s.ID + "/restart/" + k.Side.String())
	if err != nil {
		return err
	}
	return v.show(status, pages.Restart(v.frame, s, k, now, restart.Cuts(now, k.Serial), form, confirm))
}

func (v *visit) doRestart() error {
	s, err := v.site()
	if err != nil {
		return err
	}
	k, err := v.chosen(s)
	if err != nil {
		return err
	}
	if err = v.confirmed(); err == nil {
		err = v.Restart.Restart(v.ctx(), v.actor(), k.Serial, v.typed("force") != "")
	}
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.askRestart(statusOf(form.Refusal), form)
	}
	return v.goTo("/sites/" + s.ID + "/socket?restarts")
}
