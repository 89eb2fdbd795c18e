// Package oidc is the manager at a provider of OpenID Connect: the authorization
// code flow (OpenID Connect Core 1.0, 3.1) with PKCE (RFC 7636), whose answer is
// bound to the browser that began it by a state, a nonce and a verifier. It says
// who somebody is and which role the owner's rules have for them, and decides
// nothing.
package oidc

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Config is a provider, as an owner configures it.
type Config struct {
	Issuer   string // https://…
	ClientID string
	Secret   string // "": the client is a public one
	Redirect string // where the provider sends the browser back to
	Claim    string // whose values the rules name; dots lead into it: realm_access.roles
	Rules    []Rule // the first that fits counts
	HTTP     *http.Client
	Now      func() time.Time
}

// Provider is one. It may be used by many at once.
type Provider struct {
	c    Config
	http *http.Client

	mu      sync.Mutex
	found   *oidc.Provider
	foundAt time.Time
	failed  error // when it was last looked for, without success
}

// rediscover is how long a provider's own description is believed.
const rediscover = 24 * time.Hour

// retry is how long a failure to find the provider counts: those who wait for it
// wait in a row.
const retry = 5 * time.Second

// New checks the configuration. The provider needn't be there yet.
func New(c Config) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("OpenID Connect: %q is no issuer\nhint: such as --oidc-issuer https://login.example.com; it serves /.well-known/openid-configuration", c.Issuer)
	case c.ClientID == "":
		return nil, errors.New("OpenID Connect: no client\nhint: register the manager at the provider, and give --oidc-client-id")
	}
	if c.Claim == "" {
		c.Claim = "groups"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Provider{c: c, http: careful(c.HTTP)}, nil
}

// Issuer names the provider.
func (p *Provider) Issuer() string { return p.c.Issuer }

// Refused is an answer that isn't good, and why.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

func refuse(reason string, args ...any) error { return &Refused{fmt.Sprintf(reason, args...)} }

// Begun is a sign-in that a browser has begun. It is secret from all but the
// manager: whoever has the state and the nonce can finish it with an answer of
// somebody else's.
type Begun struct {
	State, Nonce, Verifier string
	Fresh                  bool // the provider is asked to have the person show anew who they are
	At                     time.Time
}

// Begin returns where to send the browser.
func (p *Provider) Begin(ctx context.Context, fresh bool) (string, Begun, error) {
	client, _, err := p.client(ctx)
	if err != nil {
		return "", Begun{}, err
	}
	b := Begun{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Fresh: fresh, At: p.c.Now()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return client.AuthCodeURL(b.State, options...), b, nil
}

func random() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// Answer is what the browser brings back from the provider.
type Answer struct{ Code, State, Issuer, Error, Description string }

// ReadAnswer reads it from the address that the browser was sent to.
func ReadAnswer(q url.Values) Answer {
	return Answer{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss"), Error: q.Get("error"), Description: q.Get("error_description")}
}

// Finish exchanges the answer for the provider's word on who somebody is. A
// *Refused says that it isn't good; another error that the provider can't be
// asked.
func (p *Provider) Finish(ctx context.Context, b Begun, a Answer) (Claims, error) {
	if err := p.fits(b, a); err != nil {
		return Claims{}, err
	}
	client, provider, err := p.client(ctx)
	if err != nil {
		return Claims{}, err
	}
	token, err := client.Exchange(oidc.ClientContext(ctx, p.http), a.Code, oauth2.VerifierOption(b.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return Claims{}, refuse("the provider doesn't take the code: %s", short(refused.ErrorCode))
	case err != nil:
		return Claims{}, unreached(p.c.Issuer, err)
	}
	raw, is := token.Extra("id_token").(string)
	if !is {
		return Claims{}, refuse("the provider's answer has no ID token")
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: p.c.ClientID, Now: p.c.Now}).Verify(oidc.ClientContext(ctx, p.http), raw)
	if err != nil {
		return Claims{}, refuse("the ID token: %s", short(err.Error()))
	}
	return p.claims(b, verified)
}

// fits checks what the browser brought, before the provider is asked.
func (p *Provider) fits(b Begun, a Answer) error {
	switch {
	case b.State == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(b.State)) != 1:
		return refuse("the state is another's: this browser didn't begin this sign-in")
	case a.Issuer != "" && a.Issuer != p.c.Issuer: // RFC 9207
		return refuse("the answer is of another issuer, %q", short(a.Issuer))
	case a.Error != "":
		return refuse("the provider refused: %s %s", short(a.Error), short(a.Description))
	case a.Code == "":
		return refuse("the answer has no code")
	}
	return nil
}

// client finds the provider's addresses and keys.
func (p *Provider) client(ctx context.Context) (*oauth2.Config, *oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.c.Now()
	if p.failed != nil && now.Sub(p.foundAt) < retry {
		return nil, nil, p.failed
	}
	if p.found == nil || now.Sub(p.foundAt) > rediscover {
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.c.Issuer)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err() // the browser's failure, not the provider's
		}
		p.foundAt, p.failed = now, nil
		if err != nil {
			p.failed = unreached(p.c.Issuer, err)
			return nil, nil, p.failed
		}
		p.found = found
	}
	endpoint := p.found.Endpoint()
	endpoint.AuthStyle = p.style()
	return &oauth2.Config{ClientID: p.c.ClientID, ClientSecret: p.c.Secret, Endpoint: endpoint, RedirectURL: p.c.Redirect,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, p.found, nil
}

// style is how the client shows its secret: as the provider describes, or in the
// header (OpenID Connect Discovery 1.0, 3). Trying both would use up the code.
func (p *Provider) style() oauth2.AuthStyle {
	var described struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	_ = p.found.Claims(&described) // without them: the default
	post, basic := slices.Contains(described.Methods, "client_secret_post"), slices.Contains(described.Methods, "client_secret_basic")
	if p.c.Secret == "" || post && !basic {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func unreached(issuer string, err error) error {
	return fmt.Errorf("the provider %s can't be asked: %w\nhint: open %s/.well-known/openid-configuration from the manager's machine", issuer, err, issuer)
}

// short is a stranger's text, for a log.
func short(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
