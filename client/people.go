package client

import (
	"context"
	"net/http"
	"net/url"
)

// Login begins a session, which this client has from then on.
func (c *Client) Login(ctx context.Context, name, password string) (Me, error) {
	return do[Me](ctx, c, call{method: http.MethodPost, path: "/session", body: Login{name, password}})
}

// Redeem sets a password by a code, and begins a session.
func (c *Client) Redeem(ctx context.Context, code, password string) (Me, error) {
	return do[Me](ctx, c, call{method: http.MethodPost, path: "/session/redeem", body: Redeem{code, password}})
}

// Confirm gives the session's password once more.
func (c *Client) Confirm(ctx context.Context, password string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodPost, path: "/session/confirm", body: Password{password}})
	return err
}

// Logout ends the session.
func (c *Client) Logout(ctx context.Context) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/session"})
	return err
}

// Me is who the manager takes this client for.
func (c *Client) Me(ctx context.Context) (Me, error) {
	return do[Me](ctx, c, call{method: http.MethodGet, path: "/me"})
}

// SetPassword changes one's own password, and ends one's sessions.
func (c *Client) SetPassword(ctx context.Context, password string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodPut, path: "/me/password", body: Password{password}})
	return err
}

// NewToken makes a token.
func (c *Client) NewToken(ctx context.Context, n NewToken) (MadeToken, error) {
	return do[MadeToken](ctx, c, call{method: http.MethodPost, path: "/tokens", body: n})
}

// Tokens are one's own.
func (c *Client) Tokens(ctx context.Context) (Page[Token], error) {
	return do[Page[Token]](ctx, c, call{method: http.MethodGet, path: "/tokens"})
}

// RevokeToken ends one.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/tokens/" + url.PathEscape(id)})
	return err
}

// People are the account's.
func (c *Client) People(ctx context.Context, after string, limit int) (Page[Person], error) {
	return do[Page[Person]](ctx, c, call{method: http.MethodGet, path: "/people", query: pageQuery(after, limit)})
}

// AddPerson adds one, and returns the code with which they set their password.
func (c *Client) AddPerson(ctx context.Context, n NewPerson) (Code, error) {
	return do[Code](ctx, c, call{method: http.MethodPost, path: "/people", body: n})
}

// SetPerson changes role and whether they may log in.
func (c *Client) SetPerson(ctx context.Context, id string, n PersonChange) (Person, error) {
	return do[Person](ctx, c, call{method: http.MethodPut, path: "/people/" + url.PathEscape(id), body: n})
}

// DeletePerson takes one away, with sessions and tokens.
func (c *Client) DeletePerson(ctx context.Context, id string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/people/" + url.PathEscape(id)})
	return err
}

// PersonCode makes a new code for a person.
func (c *Client) PersonCode(ctx context.Context, id string) (Code, error) {
	return do[Code](ctx, c, call{method: http.MethodPost, path: "/people/" + url.PathEscape(id) + "/code"})
}

// Account is the one that the caller belongs to.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return do[Account](ctx, c, call{method: http.MethodGet, path: "/account"})
}

// Sessions are one's own, the newest first.
func (c *Client) Sessions(ctx context.Context) (Page[Session], error) {
	return do[Page[Session]](ctx, c, call{method: http.MethodGet, path: "/me/sessions"})
}

// EndSession ends one.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/me/sessions/" + url.PathEscape(id)})
	return err
}

// EndOtherSessions ends all but the one that asks, if it is one.
func (c *Client) EndOtherSessions(ctx context.Context) error {
	_, err := do[struct{}](ctx, c, call{method: http.MethodDelete, path: "/me/sessions"})
	return err
}
