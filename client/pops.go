package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// PoP is one of the account's: it ends the tunnels of sites. What is absent hasn't
// been told yet.
type PoP struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Serial        string     `json:"serial" example:"RLV-7K2M-9QXC"`
	State         string     `json:"state" enum:"new,assigned,registered,void" doc:"Where the serial number is in its life"`
	Generation    uint64     `json:"generation" doc:"Of its settings; raised by what changes at its sites"`
	Delivered     uint64     `json:"delivered" doc:"The generation of the settings it has"`
	Applied       uint64     `json:"applied" doc:"The generation of the settings it acts on"`
	Problem       string     `json:"problem,omitempty" doc:"Why it doesn't act on all that it has"`
	Connected     bool       `json:"connected" doc:"To this manager"`
	Endpoint      string     `json:"endpoint,omitempty" example:"203.0.113.30" doc:"Its public address"`
	PrimaryPort   uint16     `json:"primary_port,omitempty" doc:"UDP port of all primaries' tunnels"`
	SecondaryPort uint16     `json:"secondary_port,omitempty" doc:"UDP port of all secondaries' tunnels"`
	PublicKey     string     `json:"public_key,omitempty" doc:"WireGuard's"`
	Witness       string     `json:"witness,omitempty" example:"100.64.0.1:20481" doc:"Inside the tunnels"`
	Version       string     `json:"version,omitempty" example:"14.0"`
	Seen          *time.Time `json:"seen,omitempty"`
	KeyUntil      *time.Time `json:"key_until,omitempty" doc:"When its enrolment key ends; absent: it has none"`
	Created       time.Time  `json:"created"`
}

// NewPoP is a PoP to add.
type NewPoP struct {
	Name string `json:"name" maxLength:"200"`
}

func popPath(id string, more string) string { return "/pops/" + url.PathEscape(id) + more }

// PoPs are all of the account's, in the order of their adding.
func (c *Client) PoPs(ctx context.Context) (Page[PoP], error) {
	return do[Page[PoP]](ctx, c, call{method: http.MethodGet, path: "/pops"})
}

// PoP is one by its id.
func (c *Client) PoP(ctx context.Context, id string) (PoP, error) {
	return do[PoP](ctx, c, call{method: http.MethodGet, path: popPath(id, "")})
}

// AddPoP makes one.
func (c *Client) AddPoP(ctx context.Context, n NewPoP, how Condition) (PoP, error) {
	return do[PoP](ctx, c, call{http.MethodPost, "/pops", nil, n, how})
}

// PoPKey makes the key with which a PoP enrols; the one before is good no more.
func (c *Client) PoPKey(ctx context.Context, id string) (EnrolKey, error) {
	return do[EnrolKey](ctx, c, call{method: http.MethodPost, path: popPath(id, "/enrol-key")})
}

// RemovePoP takes one away; its serial number is void.
func (c *Client) RemovePoP(ctx context.Context, id string, how Condition) error {
	_, err := do[struct{}](ctx, c, call{http.MethodDelete, popPath(id, ""), nil, nil, how})
	return err
}
