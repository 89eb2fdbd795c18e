package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Rule gives a role to whoever has a value in the claim; "*" is everybody whom
// the provider knows.
type Rule struct{ Role, Value string }

// ParseRule reads ROLE=VALUE.
func ParseRule(text string, roles []string) (Rule, error) {
	role, value, both := strings.Cut(text, "=")
	switch {
	case !both || role == "" || value == "":
		return Rule{}, fmt.Errorf("rule %q: not ROLE=VALUE\nhint: such as editor=netops, or viewer=* for everybody whom the provider knows", text)
	case !slices.Contains(roles, role):
		return Rule{}, fmt.Errorf("rule %q: no role that a provider may give\nhint: it may give %s; an owner is made by an owner: releve user set NAME --role owner", text, strings.Join(roles, ", "))
	}
	return Rule{role, value}, nil
}

// Claims is the provider's word on somebody.
type Claims struct {
	Issuer, Subject string
	Name            string    // as they call themselves; "": they don't
	Role            string    // "": no rule fits
	Authenticated   time.Time // zero: the provider doesn't say
}

// said is what of the ID token counts here, besides the claim of the rules.
type said struct {
	Party    string      `json:"azp"`
	AuthTime json.Number `json:"auth_time"`
	Username string      `json:"preferred_username"`
	Email    string      `json:"email"`
	Verified any         `json:"email_verified"` // a boolean, or with some providers a text
}

// authSkew is how much the provider's clock may be behind.
const authSkew = time.Minute

// claims checks what go-oidc leaves to its caller (OpenID Connect Core, 3.1.3.7).
func (p *Provider) claims(b Begun, token *oidc.IDToken) (Claims, error) {
	var s said
	var all map[string]json.RawMessage
	if err := token.Claims(&s); err != nil {
		return Claims{}, refuse("the ID token's claims: %s", short(err.Error()))
	}
	if err := token.Claims(&all); err != nil {
		return Claims{}, refuse("the ID token's claims: %s", short(err.Error()))
	}
	c := Claims{Issuer: token.Issuer, Subject: token.Subject, Name: s.name(), Role: p.role(all)}
	if seconds, err := s.AuthTime.Int64(); err == nil && seconds > 0 {
		c.Authenticated = time.Unix(seconds, 0)
	}
	switch {
	case token.Nonce != b.Nonce || b.Nonce == "":
		return Claims{}, refuse("the ID token's nonce is another's: it wasn't made for this sign-in")
	case token.Subject == "" || len(token.Subject) > 255:
		return Claims{}, refuse("the ID token has no subject, or one of more than 255 characters")
	case len(token.Audience) > 1 && s.Party != p.c.ClientID || s.Party != "" && s.Party != p.c.ClientID:
		return Claims{}, refuse("the ID token was made for another party, %q", short(s.Party))
	case b.Fresh && c.Authenticated.Before(b.At.Add(-authSkew)):
		return Claims{}, refuse("the provider didn't ask anew who they are")
	case c.Authenticated.After(p.c.Now().Add(authSkew)):
		return Claims{}, refuse("the ID token is of the future")
	}
	return c, nil
}

// name is a claim that its person can't have made up, as far as the provider
// knows, without spaces.
func (s said) name() string {
	if s.Username != "" {
		return s.Username
	}
	if s.Verified == true || s.Verified == "true" {
		return s.Email
	}
	return ""
}

// role is what the first rule that fits gives.
func (p *Provider) role(all map[string]json.RawMessage) string {
	has := values(all, p.c.Claim)
	for _, r := range p.c.Rules {
		if r.Value == "*" || slices.Contains(has, r.Value) {
			return r.Role
		}
	}
	return ""
}

// values are a claim's: a text, or a list of them.
func values(all map[string]json.RawMessage, path string) []string {
	if raw, whole := all[path]; whole { // some names have dots themselves
		var one string
		var several []string
		switch {
		case json.Unmarshal(raw, &one) == nil:
			return []string{one}
		case json.Unmarshal(raw, &several) == nil:
			return several
		}
		return nil
	}
	first, rest, deeper := strings.Cut(path, ".")
	var inner map[string]json.RawMessage
	if !deeper || json.Unmarshal(all[first], &inner) != nil {
		return nil
	}
	return values(inner, rest)
}
