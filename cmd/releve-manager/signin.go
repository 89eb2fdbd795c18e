package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/oidc"
	"releve.dev/releve/manager/passkey"
	"releve.dev/releve/manager/seal"
)

// signIn is how people may sign in, besides by their password.
type signIn struct {
	url                    string // as given
	base                   string // where browsers reach the manager
	issuer, client, secret string
	account, claim         string
	rules                  []string
}

func (s *signIn) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.url, "url", "", "where browsers reach this manager, https://…; default: by --name and --listen")
	cmd.Flags().StringVar(&s.issuer, "oidc-issuer", "", "a provider of OpenID Connect by which people may sign in")
	cmd.Flags().StringVar(&s.client, "oidc-client-id", "", "the manager's client id there; the redirect URI is URL/auth/oidc/callback")
	cmd.Flags().StringVar(&s.secret, "oidc-secret-file", "", "file with the client's secret; default: a public client")
	cmd.Flags().StringVar(&s.account, "oidc-account", "", "account into which the provider's people come; default: the only one")
	cmd.Flags().StringVar(&s.claim, "oidc-claim", "groups", "claim that --oidc-role looks at; dots lead into it")
	cmd.Flags().StringArrayVar(&s.rules, "oidc-role", nil, "ROLE=VALUE: who has the value in the claim gets the role, * is everybody; the first that fits counts; never owner")
}

// settle checks what was given, and makes of it what the API signs people in with.
func (s *signIn) settle(address string, a *authority.Authority) (api.SignIn, error) {
	s.base = address
	u, err := url.Parse(s.base)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return api.SignIn{}, fmt.Errorf("the manager's address %q isn't an https one without a path\nhint: such as --url https://manager.example", s.base)
	}
	secret, err := a.Secret("sign-in")
	if err != nil {
		return api.SignIn{}, err
	}
	made := api.SignIn{Account: s.account}
	if made.Box, err = seal.New(secret[:], time.Now); err != nil {
		return api.SignIn{}, err
	}
	if net.ParseIP(u.Hostname()) == nil { // a browser takes no passkeys of an address
		if made.Passkeys, err = passkey.New(u.Hostname(), s.base); err != nil {
			return api.SignIn{}, fmt.Errorf("%w\nhint: --url or --name names the manager as browsers do", err)
		}
	}
	made.Provider, err = s.provider()
	return made, err
}

func (s *signIn) provider() (*oidc.Provider, error) {
	if s.issuer == "" {
		if s.client != "" || s.secret != "" || s.account != "" || len(s.rules) > 0 {
			return nil, errors.New("OpenID Connect without a provider\nhint: --oidc-issuer names it")
		}
		return nil, nil
	}
	c := oidc.Config{Issuer: s.issuer, ClientID: s.client, Redirect: s.base + api.CallbackPath, Claim: s.claim}
	for _, text := range s.rules {
		rule, err := oidc.ParseRule(text, []string{string(access.Viewer), string(access.Editor), string(access.Auditor)})
		if err != nil {
			return nil, fmt.Errorf("--oidc-role: %w", err)
		}
		c.Rules = append(c.Rules, rule)
	}
	if s.secret != "" {
		text, err := os.ReadFile(s.secret)
		if err != nil {
			return nil, fmt.Errorf("secret of OpenID Connect: %w\nhint: --oidc-secret-file names a file that the manager's user may read", err)
		}
		if c.Secret = strings.TrimSpace(string(text)); c.Secret == "" {
			return nil, fmt.Errorf("secret of OpenID Connect: %s is empty\nhint: leave --oidc-secret-file out for a public client", s.secret)
		}
	}
	return oidc.New(c)
}
