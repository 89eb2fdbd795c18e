package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"releve.dev/releve/site"
)

// Handlers is what is behind the door. They are called by several goroutines;
// ctx ends when the client has gone. A nil one is answered with 404.
type Handlers struct {
	Status func(ctx context.Context) (site.Status, error)
	// Journal gives the entries from since on to emit, oldest first, and with
	// follow those to come, until ctx ends or emit fails.
	Journal func(ctx context.Context, since time.Time, follow bool, emit func(site.Entry) error) error
	// APITest runs the API test, giving each step to emit.
	APITest func(ctx context.Context, emit func(step any) error) error
	// Stop asks the agent to end cleanly, and returns at once.
	Stop func(ctx context.Context) error
}

// Server is an open door.
type Server struct {
	http *http.Server
	done chan error
}

// Serve opens the socket in runDir and answers on it until Close. The error of
// a second agent is ErrRunning.
func Serve(runDir string, handlers Handlers) (*Server, error) {
	listener, err := listen(runDir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		http: &http.Server{Handler: handlers.mux(), ReadHeaderTimeout: 5 * time.Second},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends all requests and removes the socket.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("closing the status socket: %w", err)
	}
	return nil
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
	if h.Stop != nil {
		mux.HandleFunc("POST /stop", h.stop)
	}
	return mux
}

func (h *Handlers) status(w http.ResponseWriter, r *http.Request) {
	status, err := h.Status(r.Context())
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(status)
}

func (h *Handlers) stop(w http.ResponseWriter, r *http.Request) {
	if err := h.Stop(r.Context()); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Handlers) journal(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			fail(w, http.StatusBadRequest, fmt.Sprintf("since: %q is not a time like 2026-11-23T12:00:00Z", text))
			return
		}
	}
	follow, _ := strconv.ParseBool(r.URL.Query().Get("follow"))
	out := newLines(w)
	out.end(h.Journal(r.Context(), since, follow, func(entry site.Entry) error { return out.emit(entry) }))
}

func (h *Handlers) apiTest(w http.ResponseWriter, r *http.Request) {
	out := newLines(w)
	out.end(h.APITest(r.Context(), out.emit))
}

// lines writes one JSON value a line, each at once. The header goes out with
// the first, so that an error before it has a status of its own; a later one
// is a last line that is an errorBody.
type lines struct {
	w       http.ResponseWriter
	encoder *json.Encoder
	flush   func() error
	begun   bool
}

func newLines(w http.ResponseWriter) *lines {
	return &lines{w: w, encoder: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
}

func (l *lines) emit(value any) error {
	if !l.begun {
		l.w.Header().Set("Content-Type", "application/jsonl")
		l.begun = true
	}
	if err := l.encoder.Encode(value); err != nil {
		return err
	}
	return l.flush()
}

func (l *lines) end(err error) {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case !l.begun:
		fail(l.w, http.StatusInternalServerError, err.Error())
	default:
		l.encoder.Encode(errorBody{err.Error()}) // a client that has gone doesn't miss it
	}
}
