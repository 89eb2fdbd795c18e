package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Ways are those by which one can sign in to a manager.
type Ways struct {
	Password bool   `json:"password"`
	Provider string `json:"provider,omitempty" doc:"The issuer of OpenID Connect; absent: there is none. A browser begins at /auth/oidc"`
	Passkeys string `json:"passkeys,omitempty" doc:"The host name that passkeys are of; absent: the manager has no name"`
}

// ProgramCode is what a browser was given for a program on the same machine.
type ProgramCode struct {
	Code     string `json:"code" maxLength:"4096"`
	Verifier string `json:"verifier" maxLength:"128" doc:"The secret whose SHA-256 the program gave the browser (RFC 7636)"`
}

// Question is one that a browser's authenticator answers.
type Question struct {
	Ceremony string          `json:"ceremony" doc:"Comes back with the answer"`
	Options  json.RawMessage `json:"options" doc:"For navigator.credentials (WebAuthn)"`
}

// Answer is an authenticator's.
type Answer struct {
	Ceremony string          `json:"ceremony" maxLength:"8192"`
	Answer   json.RawMessage `json:"answer" doc:"The PublicKeyCredential, by its toJSON"`
}

// NewPasskey is an authenticator's answer to the question for a passkey.
type NewPasskey struct {
	Name string `json:"name" maxLength:"100" doc:"Of the device that has it"`
	Answer
}

// Passkey is one of one's own.
type Passkey struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty" doc:"The last time; absent: never"`
}

// Session is one of one's own: of a browser, or of a program that signed in.
type Session struct {
	ID      string    `json:"id"`
	Began   time.Time `json:"began"`
	Seen    time.Time `json:"seen" doc:"Its last use, to the minute"`
	Expires time.Time `json:"expires" doc:"At the latest; unused, it ends two hours after its last use"`
	Address string    `json:"address,omitempty" doc:"That began it; absent: not known"`
	This    bool      `json:"this" doc:"It is the one that asks"`
}

// Identity is somebody at a provider.
type Identity struct {
	Issuer  string `json:"issuer,omitempty" maxLength:"250" doc:"Absent: the manager's provider"`
	Subject string `json:"subject" maxLength:"255" doc:"The claim sub of the provider's tokens"`
}

// Ways asks how one can sign in.
func (c *Client) Ways(ctx context.Context) (Ways, error) {
	return do[Ways](ctx, c, call{method: http.MethodGet, path: "/session/ways"})
}

// SignInAddress is where a person's browser begins to sign in for this program,
// which waits at the callback (RFC 8252, 7.3).
func (c *Client) SignInAddress(callback, challenge, state string) string {
	return c.base + "/auth/oidc?" + url.Values{"callback": {callback}, "challenge": {challenge}, "state": {state}}.Encode()
}

// SignedIn begins the session that a browser has signed in for.
func (c *Client) SignedIn(ctx context.Context, code, verifier string) (Me, error) {
	return do[Me](ctx, c, call{method: http.MethodPost, path: "/session/program", body: ProgramCode{code, verifier}})
}

// Links is whom a person is at providers.
func (c *Client) Links(ctx context.Context, id string) (Page[Identity], error) {
	return do[Page[Identity]](ctx, c, call{method: http.MethodGet, path: "/people/" + url.PathEscape(id) + "/identity"})
}

// LinkPerson lets a provider's subject be a person.
func (c *Client) LinkPerson(ctx context.Context, id string, i Identity) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodPut, path: "/people/" + url.PathEscape(id) + "/identity", body: i})
	return err
}

// UnlinkPerson ends a person's links to providers.
func (c *Client) UnlinkPerson(ctx context.Context, id string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/people/" + url.PathEscape(id) + "/identity"})
	return err
}

// EndPasskeys ends all passkeys of a person.
func (c *Client) EndPasskeys(ctx context.Context, id string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/people/" + url.PathEscape(id) + "/passkeys"})
	return err
}
