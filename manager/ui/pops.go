package ui

import (
	"net/http"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) popRoutes() {
	u.mux.HandleFunc("GET /settings/pops", u.page(access.SiteRead, func(v *visit) error { return v.pops(http.StatusOK, pages.Form{}) }))
	u.mux.HandleFunc("POST /settings/pops", u.page(access.PoPChange, (*visit).addPoP))
	u.mux.HandleFunc("POST /settings/pops/{pop}/key", u.page(access.PoPChange, (*visit).popKey))
	u.mux.HandleFunc("GET /settings/pops/{pop}/remove", u.page(access.PoPChange, func(v *visit) error { return v.askRemovePoP(http.StatusOK, pages.Form{}) }))
	u.mux.HandleFunc("POST /settings/pops/{pop}/remove", u.page(access.PoPChange, (*visit).removePoP))
}

// pops are the account's.
func (v *visit) pops(status int, form pages.Form) error {
	all, err := v.Inventory.PoPs(v.ctx(), v.actor())
	if err != nil {
		return err
	}
	list := make([]pages.PoPNow, 0, len(all))
	for _, p := range all {
		d, here := v.Fleet.Device(p.Serial)
		list = append(list, pages.PoPNow{PoP: p, Connected: here && d.Connected})
	}
	return v.show(status, pages.PoPs(v.frame, list, form))
}

func (v *visit) addPoP() error {
	_, err := v.Inventory.AddPoP(v.ctx(), v.actor(), v.typed("name"), inventory.Change{DryRun: v.checking()})
	form, failed := v.form(err)
	switch {
	case failed != nil:
		return failed
	case v.checking():
		return v.show(http.StatusOK, pages.PoPFields(v.frame, form))
	case form.Refusal != nil:
		return v.pops(statusOf(form.Refusal), form)
	}
	return v.goTo("/settings/pops?saved")
}

// pop is the one that the path names.
func (v *visit) pop() (inventory.PoP, error) {
	return v.Inventory.PoP(v.ctx(), v.actor(), v.r.PathValue("pop"))
}

// popKey makes the key with which a PoP enrols, and shows it once.
func (v *visit) popKey() error {
	p, err := v.pop()
	if err != nil {
		return err
	}
	key, err := v.Inventory.PoPKey(v.ctx(), v.actor(), p.ID, inventory.Change{})
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.PoPKey(v.frame, p, v.r.Host, key.String()))
}

func (v *visit) askRemovePoP(status int, form pages.Form) error {
	p, err := v.pop()
	if err != nil {
		return err
	}
	return v.show(status, pages.RemovePoP(v.frame, p, form))
}

func (v *visit) removePoP() error {
	form, failed := v.form(v.Inventory.RemovePoP(v.ctx(), v.actor(), v.r.PathValue("pop"), inventory.Change{}))
	switch {
	case failed != nil:
		return failed
	case form.Refusal != nil:
		return v.askRemovePoP(statusOf(form.Refusal), form)
	}
	return v.goTo("/settings/pops?saved")
}
