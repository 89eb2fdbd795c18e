// Package oidctest is a provider of OpenID Connect for tests: real tokens, keys
// and TLS on loopback, and a person who is signed in whenever asked. It can be
// told to err.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// The client that the provider knows.
const (
	ClientID = "releve"
	Secret   = "a secret/with:signs" // which a client has to escape (RFC 6749, 2.3.1)
)

// Provider is running until its test ends.
type Provider struct {
	*httptest.Server
	t   testing.TB
	key *rsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any
	err    Error
	codes  map[string]grant
	asked  url.Values
	now    func() time.Time
}

// Error is what the provider does wrong.
type Error struct {
	Claims    map[string]any // in place of what the token would have; nil takes one out
	Algorithm string         // "none", "HS256", or "" for RS256
	Stranger  bool           // the token is signed with a key that isn't the provider's
	Refuse    string         // the browser comes back with this error
	NoToken   bool           // the answer has no ID token
}

// grant is what a code is good for.
type grant struct{ nonce, challenge, redirect string }

// Start starts a provider whose person has these claims.
func Start(t testing.TB, claims map[string]any) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key, claims: claims, codes: map[string]grant{}, now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.keys)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Is sets who is signed in.
func (p *Provider) Is(claims map[string]any) { p.set(func() { p.claims = claims }) }

// Err sets what it does wrong from now on.
func (p *Provider) Err(e Error) { p.set(func() { p.err = e }) }

// Clock sets the clock by which tokens are made.
func (p *Provider) Clock(now func() time.Time) { p.set(func() { p.now = now }) }

// Asked is what the last browser asked for.
func (p *Provider) Asked() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *Provider) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func (p *Provider) describe(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize",
		"token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}})
}

func (p *Provider) answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		p.t.Error(err)
	}
}

// authorize signs the person in, without a question.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	p.asked = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "not a request of this client", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}, "iss": {p.URL}, "session_state": {"x"}}
	if p.err.Refuse != "" {
		answer.Set("error", p.err.Refuse)
	} else {
		code := rand.Text()
		p.codes[code] = grant{q.Get("nonce"), q.Get("code_challenge"), back.String()}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token takes a code once, from who has its verifier.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if secret, err := url.QueryUnescape(secret); err != nil || id != ClientID || secret != Secret {
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	g, found := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !found || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge || r.FormValue("redirect_uri") != g.redirect {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	answer := map[string]any{"access_token": "x", "token_type": "Bearer"}
	if !p.err.NoToken {
		answer["id_token"] = p.sign(g.nonce)
	}
	p.answer(w, http.StatusOK, answer)
}

func (p *Provider) sign(nonce string) string {
	now := p.now()
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": now.Unix()}
	maps.Copy(claims, p.claims)
	maps.Copy(claims, p.err.Claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	if p.err.Algorithm == "none" {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	}
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "one"}}
	switch {
	case p.err.Algorithm == "HS256": // signed with what everybody has: the public key
		key = jose.SigningKey{Algorithm: jose.HS256, Key: p.key.N.Bytes()}
	case p.err.Stranger:
		stranger, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			p.t.Error(err)
		}
		key.Key = jose.JSONWebKey{Key: stranger, KeyID: "one"}
	}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	return text
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "one", Algorithm: "RS256", Use: "sig"}}})
}
