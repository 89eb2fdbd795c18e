// Package control is the local door of a running agent.
//
//	GET  /status               site.Status
//	GET  /journal?since=TIME&follow=true   lines of site.Entry
//	POST /api-test             lines of JSON, one a step
//	POST /settings             site.SettingsStatus; the manager's are read from the disk anew
//	POST /config               Outcome; the agent's file is read anew
//	POST /fip-moved            204; a person's word that no route leads to a former floating IP
//	POST /stop                 204; the agent ends cleanly
package control

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"releve.dev/releve/door"
	"releve.dev/releve/site"
)

var owner = door.Owner{Program: "releve-vsocket", Who: "agent", File: "vsocket"}

// Socket is the socket's path in the run directory of an agent.
func Socket(runDir string) string { return owner.Socket(runDir) }

// Handlers is what is behind the door. They are called by several goroutines;
// ctx ends when the client has gone. A nil one is answered with 404.
type Handlers struct {
	Status func(ctx context.Context) (site.Status, error)
	// Journal gives the entries from since on to emit, oldest first, and with
	// follow those to come, until ctx ends or emit fails.
	Journal func(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error
	// APITest runs the API test, giving each step to emit.
	APITest func(ctx context.Context, emit func(step any) error) error
	// Settings has the agent look for settings on its disk, and says what became of
	// them: within a few seconds, as they may wait for the other vSocket.
	Settings func(ctx context.Context) (site.SettingsStatus, error)
	// Apply has the agent read its file anew, and says what became of it.
	Apply func(ctx context.Context) (Outcome, error)
	// Moved is a person's word that no route table names a former floating IP any more.
	Moved func(ctx context.Context) error
	// Stop asks the agent to end cleanly, and returns at once.
	Stop func(ctx context.Context) error
}

// Outcome is what becomes of a config file that has changed.
type Outcome struct {
	State State  `json:"state"`
	Why   string `json:"why,omitempty"` // why it isn't applied
}

// State is how far it has come.
type State string

// The states. The agent that waits has taken the file, and needs nobody to ask
// again: the other vSocket has to have it too, or a handover has to come. The
// undecided may still refuse.
const (
	Applied   State = "applied"
	Waits     State = "waits"
	Refused   State = "refused"
	Undecided State = "undecided"
)

// Serve opens the socket in runDir and answers on it until Close. The error of a
// second agent is door.ErrRunning.
func Serve(runDir string, handlers Handlers) (*door.Server, error) {
	return owner.Serve(runDir, handlers.mux())
}

func (h *Handlers) mux() http.Handler {
	mux := http.NewServeMux()
	if h.Status != nil {
		mux.HandleFunc("GET /status", h.status)
	}
	if h.Journal != nil {
		mux.HandleFunc("GET /journal", h.journal)
	}
	if h.APITest != nil {
		mux.HandleFunc("POST /api-test", h.apiTest)
	}
	if h.Settings != nil {
		mux.HandleFunc("POST /settings", h.settings)
	}
	if h.Apply != nil {
		mux.HandleFunc("POST /config", h.apply)
	}
	if h.Moved != nil {
		mux.HandleFunc("POST /fip-moved", bare(h.Moved))
	}
	if h.Stop != nil {
		mux.HandleFunc("POST /stop", bare(h.Stop))
	}
	return mux
}

func (h *Handlers) status(w http.ResponseWriter, r *http.Request) {
	status, err := h.Status(r.Context())
	door.Answer(w, status, err)
}

func (h *Handlers) settings(w http.ResponseWriter, r *http.Request) {
	status, err := h.Settings(r.Context())
	door.Answer(w, status, err)
}

func (h *Handlers) apply(w http.ResponseWriter, r *http.Request) {
	outcome, err := h.Apply(r.Context())
	door.Answer(w, outcome, err)
}

// bare answers with nothing but whether it went well.
func bare(do func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r.Context()); err != nil {
			door.Fail(w, http.StatusInternalServerError, err.Error())
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (h *Handlers) journal(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			door.Fail(w, http.StatusBadRequest, fmt.Sprintf("since: %q is not a time like 2026-11-23T12:00:00Z", text))
			return
		}
	}
	follow, _ := strconv.ParseBool(r.URL.Query().Get("follow"))
	out := door.NewLines(w)
	out.End(h.Journal(r.Context(), since, follow, func(entry site.Entry) error { return out.Emit(entry) }))
}

func (h *Handlers) apiTest(w http.ResponseWriter, r *http.Request) {
	out := door.NewLines(w)
	out.End(h.APITest(r.Context(), out.Emit))
}
