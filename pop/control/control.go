// Package control is the local door of a running PoP.
//
//	GET  /status               Status
//	GET  /settings             Settings
//	POST /settings             the same, once those on the disk were read anew
package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"releve.dev/releve/door"
	"releve.dev/releve/pop/egress"
	"releve.dev/releve/pop/hub"
	"releve.dev/releve/pop/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/tunnel"
)

// Status is all that a PoP tells of itself.
type Status struct {
	Name      string             `json:"name"`
	Version   site.Version       `json:"version"`
	Started   time.Time          `json:"started"`
	PublicKey tunnel.Key         `json:"public_key"`
	Devices   []hub.DeviceStatus `json:"devices"`
	Settings  Settings           `json:"settings"` // the manager's
	Sites     []Site             `json:"sites"`
	Refused   []Refusal          `json:"refused"` // what of the settings isn't served
	Dropped   egress.Dropped     `json:"dropped"`
	Questions witness.Counts     `json:"questions"` // to the witness
	Problems  []string           `json:"problems"`  // what doesn't work, or isn't known
}

// Settings is how far the PoP has come with those of the manager; 0: none.
type Settings struct {
	Generation uint64 `json:"generation"`        // that it runs with
	Tried      uint64 `json:"tried"`             // that it has read last
	Problem    string `json:"problem,omitempty"` // what of them isn't served, or why they aren't
}

// Site is a site that is served.
type Site struct {
	hub.SiteStatus
	Witness *witness.Status `json:"witness,omitempty"`
}

// Refusal is a site, or a vSocket of one, that isn't served, and why.
type Refusal struct {
	Line   int    `json:"line"`
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

var owner = door.Owner{Program: "releve-pop", Who: "PoP", File: "pop"}

// Socket is the socket's path in the run directory of a PoP.
func Socket(runDir string) string { return owner.Socket(runDir) }

// Handlers are what answers.
type Handlers struct {
	Status       func(context.Context) (Status, error)
	Settings     func(context.Context) (Settings, error)
	ReadSettings func(context.Context) (Settings, error)
}

// Serve opens the socket in runDir and answers on it until Close. The error of a
// second PoP is door.ErrRunning.
func Serve(runDir string, h Handlers) (*door.Server, error) {
	mux := http.NewServeMux()
	handle(mux, "GET /status", h.Status)
	handle(mux, "GET /settings", h.Settings)
	handle(mux, "POST /settings", h.ReadSettings)
	return owner.Serve(runDir, mux)
}

func handle[T any](mux *http.ServeMux, pattern string, answer func(context.Context) (T, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		value, err := answer(r.Context())
		door.Answer(w, value, err)
	})
}

// Client is the command line's side.
type Client struct{ door *door.Client }

// Dial makes a client of the PoP whose socket is at path.
func Dial(path string) *Client { return &Client{owner.Dial(path)} }

// Status asks for the PoP's status.
func (c *Client) Status(ctx context.Context) (status Status, err error) {
	err = c.door.Value(ctx, "/status", &status)
	return status, err
}

// Settings asks which of the manager's settings the PoP runs with.
func (c *Client) Settings(ctx context.Context) (s Settings, err error) {
	err = c.door.Value(ctx, "/settings", &s)
	return s, err
}

// ReadSettings makes the PoP read the settings on the disk anew.
func (c *Client) ReadSettings(ctx context.Context) (s Settings, err error) {
	answer, err := c.door.Do(ctx, http.MethodPost, "/settings")
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return s, fmt.Errorf("reading the PoP's answer: %w", err)
	}
	return s, nil
}
