// Package api is the manager's HTTP API, /api/v1: OpenAPI 3.1, made from the Go
// types of package client. It decides nothing: it finds out who asks and whether
// they may, hands the request to a use case, and shows what that says.
//
// Each change of a site names the generation that its author saw (If-Match),
// may be tried (dry_run), and may be sent again (Idempotency-Key). Refusals are
// problems (RFC 9457). What another account owns is absent: 404.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/restart"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/takeovers"
	"releve.dev/releve/site"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// mostBody is more than any request needs.
const mostBody = 64 << 10

// Parts are what the API stands on.
type Parts struct {
	Access    *access.Service
	Inventory *inventory.Service
	Events    *events.Keeper
	Takeovers *takeovers.Keeper
	Restart   *restart.Service
	Fleet     Fleet
	Status    Status
	History   History
	Store     *store.Store // for answers to requests with an Idempotency-Key
	Retention status.Retention
	Now       func() time.Time
	Log       *slog.Logger
	SignIn    SignIn
}

// API is the service.
type API struct {
	Parts
	huma huma.API
	mux  *http.ServeMux
}

// New makes it. Without parts it can tell its OpenAPI, and serve nothing.
func New(p Parts) *API {
	a := &API{Parts: p, mux: http.NewServeMux()}
	a.huma = humago.New(a.mux, settings())
	a.registerSession()
	a.registerSignIn()
	a.registerPasskeys()
	a.registerTokens()
	a.registerPeople()
	a.registerAccount()
	a.registerSites()
	a.registerNetworks()
	a.registerSockets()
	a.registerPoPs()
	a.registerRemote()
	a.registerStatus()
	a.registerMetrics()
	a.registerEvents()
	a.registerTakeovers()
	a.health()
	return a
}

func settings() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Relève manager", Version: site.Release.String(),
				Description: "Sites, serial numbers, high-availability settings, networks, people and the audit log."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "A token of a person: rlvt_…"},
					"session": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "A browser's session"},
				},
			},
		},
		OpenAPIPath:                  Prefix + "/openapi",
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// Handler is the API with what stands before it.
func (a *API) Handler() http.Handler {
	return a.identify(a.guard(a.authenticate(a.replay(a.lost()))))
}

// Spec is the API's OpenAPI, as docs/openapi.json has it.
func (a *API) Spec() *huma.OpenAPI { return a.huma.OpenAPI() }

// health is for what watches the process: no login, no secrets.
func (a *API) health() {
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	a.mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, site.Release.String()) })
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.Access.Anybody(r.Context()); err != nil {
			a.Log.Error("the database doesn't answer", slog.Any("reason", err))
			plain(w, http.StatusServiceUnavailable, "the database doesn't answer")
			return
		}
		plain(w, http.StatusOK, "ready")
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
