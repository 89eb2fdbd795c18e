package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Server is an open door.
type Server struct {
	http *http.Server
	done chan error
}

// Serve opens the socket in runDir and answers on it until Close.
func (o Owner) Serve(runDir string, handler http.Handler) (*Server, error) {
	listener, err := o.listen(runDir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		http: &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second},
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

// Lines writes one JSON value a line, each at once. The header goes out with
// the first, so that an error before it has a status of its own; a later one
// is a last line that is an errorBody.
type Lines struct {
	w       http.ResponseWriter
	encoder *json.Encoder
	flush   func() error
	begun   bool
}

// NewLines answers a request.
func NewLines(w http.ResponseWriter) *Lines {
	return &Lines{w: w, encoder: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
}

// Emit writes a value.
func (l *Lines) Emit(value any) error {
	if !l.begun {
		l.w.Header().Set("Content-Type", "application/jsonl")
		l.begun = true
	}
	if err := l.encoder.Encode(value); err != nil {
		return err
	}
	return l.flush()
}

// End ends the answer, with the error if there is one.
func (l *Lines) End(err error) {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case !l.begun:
		Fail(l.w, http.StatusInternalServerError, err.Error())
	default:
		l.encoder.Encode(errorBody{err.Error()}) // a client that has gone doesn't miss it
	}
}
