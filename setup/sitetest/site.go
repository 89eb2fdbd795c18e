package sitetest

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// Site is the emulated Azure with the site in it, served over HTTPS on loopback.
type Site struct {
	Layout
	Server   *emulator.Server
	Endpoint string // https://127.0.0.1:PORT
	CAFile   string
	t        testing.TB
}

// New makes one. Writes and boots take no time.
func New(t testing.TB, zones bool) *Site {
	t.Helper()
	instant, err := profile.Parse("instant")
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.New(emulator.Options{Store: store.Options{Profile: instant, Location: Location}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s := &Site{Server: server, t: t}
	server.With(func(_ time.Duration, st *store.Store) {
		s.Layout = Layout{Subscription: st.Subscription(), Zones: zones}
	})
	for _, r := range s.Resources() {
		s.Place(r.ID, r.Body)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web, err := server.HTTPServer("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = web.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = web.Close() })
	s.Endpoint = "https://" + listener.Addr().String()
	s.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CAFile, server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// Place puts a resource there as if it had always been.
func (s *Site) Place(id, body string) {
	s.t.Helper()
	if err := s.Server.Place(id, body); err != nil {
		s.t.Fatalf("place %s: %v", id, err)
	}
}

// Get is a resource as Azure shows it, nil if there is none.
func (s *Site) Get(id string) map[string]any {
	s.t.Helper()
	answer := s.Server.Do("GET", id+"?api-version=2024-07-01", "", "")
	if answer.Status == 404 {
		return nil
	}
	body := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(answer.Body))
	decoder.UseNumber()
	if err := decoder.Decode(&body); err != nil || answer.Status != 200 {
		s.t.Fatalf("GET %s: %d %s", id, answer.Status, answer.Body)
	}
	return body
}

// Change plants a change of a resource, as somebody else makes it.
func (s *Site) Change(id string, change func(body map[string]any)) {
	s.t.Helper()
	body := s.Get(id)
	if body == nil {
		s.t.Fatalf("change %s: it isn't there", id)
	}
	change(body)
	s.Place(id, resource(id, body).Body)
}

// Delete takes a resource away, as somebody else does.
func (s *Site) Delete(id string) {
	s.t.Helper()
	if answer := s.Server.Do("DELETE", id+"?api-version=2024-07-01", "", ""); answer.Status >= 300 {
		s.t.Fatalf("DELETE %s: %d %s", id, answer.Status, answer.Body)
	}
}

// Credential signs in as the subscription's owner.
func (s *Site) Credential() azcore.TokenCredential { return owner{s} }

type owner struct{ site *Site }

// GetToken gives a token for ARM, whatever is asked for.
func (o owner) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: o.site.Server.AdminToken("https://management.azure.com"), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
