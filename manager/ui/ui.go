// Package ui is the manager's pages, as people use them in a browser. It decides
// nothing: it finds out who asks and whether they may, hands what they want to the
// use cases that the API has too, and shows what these say.
//
// A page comes whole from the server and works without a script, but for charts;
// scripts of ours make it live. Nothing is fetched from elsewhere, and no script or
// style stands in a page (Content-Security-Policy).
package ui

import (
	"log/slog"
	"net/http"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/restart"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/manager/watch"
	"releve.dev/releve/web/assets"
)

// Parts are what the pages stand on.
type Parts struct {
	Access    *access.Service
	Inventory *inventory.Service
	Events    *events.Keeper
	Takeovers *takeovers.Keeper
	Restart   *restart.Service
	Status    watch.Status
	Fleet     api.Fleet
	Retention status.Retention
	Now       func() time.Time
	Log       *slog.Logger
	Passages  Passages
	Provider  string // of OpenID Connect, by its issuer; "": none
	Passkeys  string // the host name that they are of; "": none
}

// UI is the pages.
type UI struct {
	Parts
	mux *http.ServeMux
}

// New makes them.
func New(p Parts) *UI {
	u := &UI{Parts: p, mux: http.NewServeMux()}
	u.mux.Handle("GET "+assets.Prefix, assets.Handler())
	u.signInRoutes()
	u.siteRoutes()
	u.socketRoutes()
	u.restartRoutes()
	u.networkRoutes()
	u.eventRoutes()
	u.peopleRoutes()
	u.accountRoutes()
	u.tokenRoutes()
	u.settingRoutes()
	u.siteSettingRoutes()
	u.popRoutes()
	u.mux.HandleFunc("/", u.open(func(v *visit) error {
		if v.r.URL.Path == "/" {
			return v.goTo("/sites")
		}
		return &inventory.Refusal{Kind: inventory.Absent, Message: "there is nothing at " + v.r.URL.Path}
	}))
	return u
}

// Beside serves the API's paths by the API, and all others by pages.
func (u *UI) Beside(people http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{api.Prefix + "/", "/auth/", "/healthz", "/readyz", "/version"} {
		mux.Handle(path, people)
	}
	mux.Handle("/", u.Handler())
	return mux
}
