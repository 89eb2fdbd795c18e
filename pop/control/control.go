// Package control is the local door of a running PoP.
//
//	GET  /status               Status
package control

import (
	"context"
	"net/http"
	"time"

	"releve.dev/releve/door"
	"releve.dev/releve/pop/egress"
	"releve.dev/releve/pop/hub"
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
	Sites     []Site             `json:"sites"`
	Refused   []Refusal          `json:"refused"` // what of the settings isn't served
	Dropped   egress.Dropped     `json:"dropped"`
	Problems  []string           `json:"problems"` // what doesn't work, or isn't known
}

// Site is a site that is served.
type Site struct {
	hub.SiteStatus
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

// Serve opens the socket in runDir and answers on it until Close. The error of a
// second PoP is door.ErrRunning.
func Serve(runDir string, status func(context.Context) (Status, error)) (*door.Server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s, err := status(r.Context())
		door.Answer(w, s, err)
	})
	return owner.Serve(runDir, mux)
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
