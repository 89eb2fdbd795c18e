package ui

import (
	"net/http"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/ui/pages"
)

func (u *UI) settingRoutes() {
	u.mux.HandleFunc("GET /settings", u.page(access.SiteRead, (*visit).settings))
}

// settings are the account's, and what of the manager's own counts for it.
func (v *visit) settings() error {
	account, err := v.Inventory.Account(v.ctx(), v.actor())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, pages.Settings(v.frame, account, pages.Manager{Provider: v.Provider, Passkeys: v.Passkeys, Retention: v.Retention}))
}
