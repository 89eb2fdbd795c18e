// Package webui is a vSocket's own pages (F4 to F8, B7, B13): what it is at this
// moment, its pair's state and timeline, and the network tools. They ask the agent
// at its local door and work without the manager and the cloud; without a script
// they are read by reloading.
//
// One process serves them, beside the agent and below it: nothing here delays a
// keepalive, and the agent runs with or without it.
package webui

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"releve.dev/releve/door"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/webui/run"
	"releve.dev/releve/vsocket/webui/signin"
	"releve.dev/releve/web/assets"
	"releve.dev/releve/web/fence"
)

// Agent is the agent's door; control.Client is one.
type Agent interface {
	Status(ctx context.Context) (site.Status, error)
	Journal(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error
}

// Parts are what the pages stand on.
type Parts struct {
	Agent   Agent
	APITest func(ctx context.Context, emit func(apitest.Step) error) error
	Vias    []string                                   // the ways out, by the names that people know
	Out     func(via string) (iface string, err error) // the guest's interface for one of them
	Door    *signin.Door
	Cookie  string // of letters and digits; browsers share cookies between a host's ports
	Name    string // of the vSocket, for people who haven't signed in
	Now     func() time.Time
	Log     *slog.Logger
}

// UI is the pages. Close ends the tools that are at work.
type UI struct {
	Parts
	mux     *http.ServeMux
	shelf   *run.Shelf
	life    context.Context
	end     context.CancelFunc
	streams chan struct{}
}

// mostStreams is how many pages may be live at once.
const mostStreams = 16

// New makes them.
func New(p Parts) *UI {
	u := &UI{Parts: p, mux: http.NewServeMux(), shelf: run.NewShelf(p.Now), streams: make(chan struct{}, mostStreams)}
	u.life, u.end = context.WithCancel(context.Background())
	u.mux.Handle("GET "+assets.Prefix, assets.Handler())
	u.open("GET /sign-in", (*visit).signInPage)
	u.open("POST /sign-in", (*visit).signIn)
	u.open("POST /sign-out", (*visit).signOut)
	u.open("POST /look", (*visit).choose)
	u.known("GET /password", func(v *visit) error { return v.passwordPage("") })
	u.known("POST /password", (*visit).changePassword)
	u.known("GET /{$}", (*visit).monitoring)
	u.live("GET /live", (*visit).monitoringLive)
	u.known("GET /ha", (*visit).ha)
	u.live("GET /ha/live", (*visit).haLive)
	u.known("GET /ha/journal", (*visit).journal)
	u.known("GET /tools", func(v *visit) error { return v.goTo("/tools/ping") })
	u.known("GET /tools/{tool}", (*visit).tool)
	u.known("POST /tools/{tool}", (*visit).runTool)
	u.known("POST /tools/{tool}/stop", (*visit).stopTool)
	u.live("GET /tools/{tool}/live", (*visit).toolLive)
	u.known("GET /tools/capture/file", (*visit).captured)
	u.open("/", func(v *visit) error { return v.absent() })
	return u
}

// Close ends the tools that are at work.
func (u *UI) Close() {
	u.end()
	u.shelf.Stop()
}

// Handler serves the pages.
func (u *UI) Handler() http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fence.Secure(w.Header())
		if err := protection.Check(r); err != nil {
			http.Error(w, "the request comes from a page of another site", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
		u.mux.ServeHTTP(w, r)
	})
}

var owner = door.Owner{Program: "releve-vsocket web", Who: "process of the pages", File: "web"}

// Socket is the path, in the run directory, by which the channel reaches the pages
// for the manager.
func Socket(runDir string) string { return owner.Socket(runDir) }

// Serve answers there, until Close.
func (u *UI) Serve(runDir string) (*door.Server, error) { return owner.Serve(runDir, u.Handler()) }
