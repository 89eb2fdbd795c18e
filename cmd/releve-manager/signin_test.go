package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/certificate"
)

// What can't be is refused before anything serves, with a hint.
func TestSignInIsChecked(t *testing.T) {
	ca, err := authority.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const fine, issuer = "https://manager.example", "https://login.example"
	for what, c := range map[string]struct {
		address string
		s       signIn
	}{
		"no TLS":               {"http://manager.example", signIn{}},
		"a path":               {fine + "/releve", signIn{}},
		"rules for nobody":     {fine, signIn{rules: []string{"viewer=*"}}},
		"a client of nobody's": {fine, signIn{client: "x"}},
		"no client":            {fine, signIn{issuer: issuer}},
		"an owner by a claim":  {fine, signIn{issuer: issuer, client: "x", rules: []string{"owner=bosses"}}},
		"no rule":              {fine, signIn{issuer: issuer, client: "x", rules: []string{"viewer"}}},
		"no file":              {fine, signIn{issuer: issuer, client: "x", secret: empty + "x"}},
		"an empty file":        {fine, signIn{issuer: issuer, client: "x", secret: empty}},
		"no name":              {"https://man_ager.-example", signIn{}},
	} {
		if _, err := c.s.settle(c.address, ca); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for address, passkeys := range map[string]bool{fine: true, "https://localhost:8443": true, "https://10.0.0.1": false, "https://[::1]:8443": false} {
		s := signIn{issuer: issuer, client: "x", rules: []string{"editor=netops"}}
		if made, err := s.settle(address, ca); err != nil || (made.Passkeys != nil) != passkeys || made.Provider == nil || made.Box == nil {
			t.Errorf("%s: %+v, %v", address, made, err)
		}
	}
}

// So with certificates; ACME's port speaks its protocol, and others don't.
func TestCertificatesAreChecked(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	acme := func(domains ...string) shown { return shown{acme: certificate.ACME{Domains: domains}} }
	for what, s := range map[string]shown{"one file": {cert: "x"}, "no files": {cert: "/x", key: "/y"}, "an address": acme("10.0.0.1"),
		"no domain": {acme: certificate.ACME{Email: "ops@example.com"}}} {
		if _, _, err := s.settle(t.TempDir(), log); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	s := acme("manager.example")
	if _, run, err := s.settle(t.TempDir(), log); err != nil || run == nil || len(s.protocols()) != 1 {
		t.Errorf("ACME: %v", err)
	}
	if none := (&shown{}); len(none.protocols()) != 0 {
		t.Error("ACME's protocol without ACME")
	}
	ended := make(chan struct{})
	m := &manager{}
	m.background(func(ctx context.Context) { <-ctx.Done(); close(ended) })
	if err := m.close(); err != nil {
		t.Error(err)
	}
	<-ended
}
