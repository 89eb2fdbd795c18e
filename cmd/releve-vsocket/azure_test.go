package main

import (
	"bytes"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/config"
)

// cloudSite is the lab's site in an emulated Azure on the loopback, and the
// settings of its primary.
type cloudSite struct {
	*emulator.Server
	layout azuresite.Layout
	file   string
}

func newCloudSite(t *testing.T) *cloudSite {
	t.Helper()
	server, err := emulator.New(emulator.Options{Store: store.Options{Profile: profile.Instant}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s := &cloudSite{Server: server}
	server.With(func(_ time.Duration, st *store.Store) { s.layout.Subscription = st.Subscription() })
	s.place(t, s.layout.Resources())
	vm := s.layout.VMID(azuresite.VM(site.Primary))
	var identities []store.Identity
	server.With(func(_ time.Duration, st *store.Store) { identities, _ = st.Identities(vm) })
	s.place(t, s.layout.Roles(identities[0].PrincipalID))

	metadata := httptest.NewServer(server.IMDSHandler(vm))
	t.Cleanup(metadata.Close)
	s.settings(t, s.listen(t), metadata.URL, identities[0].ClientID)
	return s
}

func (s *cloudSite) place(t *testing.T, resources []azuresite.Resource) {
	t.Helper()
	for _, r := range resources {
		if err := s.Place(r.ID, r.Body); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *cloudSite) listen(t *testing.T) (endpoint string) {
	t.Helper()
	server, err := s.HTTPServer("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	return "https://" + listener.Addr().String()
}

func (s *cloudSite) settings(t *testing.T, endpoint, metadata, clientID string) {
	t.Helper()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	cfg, err := config.Parse("sample", []byte(config.FreshSample()))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Routes = config.RoutesSystem // this host has none of its addresses
	cfg.RunDir, cfg.StateDir = filepath.Join(dir, "run"), filepath.Join(dir, "state")
	az := cfg.Azure
	az.Endpoint, az.Audience, az.IMDS, az.CAFile = endpoint, "https://management.azure.com", metadata, ca
	az.Subscription, az.ClientID = s.layout.Subscription, clientID
	az.NIC.Name = azuresite.NIC(azuresite.VM(site.Primary), azuresite.LAN)
	az.PeerNIC.Name = azuresite.NIC(azuresite.VM(site.Secondary), azuresite.LAN)
	text, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.file = filepath.Join(dir, "vsocket.yaml")
	for path, data := range map[string][]byte{ca: s.CA(), s.file: text} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// apiTest runs the API test without an agent and returns what a person sees.
func (s *cloudSite) apiTest(t *testing.T) (text string, passed bool) {
	t.Helper()
	var out bytes.Buffer
	printer := &stepPrinter{out: &out}
	if err := (&options{config: s.file}).apiTestHere(t.Context(), printer.print); err != nil {
		t.Fatal(err)
	}
	passed = printer.end() == nil
	return out.String(), passed
}

func (s *cloudSite) read(id string) []byte {
	return s.Do("GET", id+"?api-version=2024-05-01", "", "").Body
}

// F5, D12: the least-privilege role passes, and the NIC is as it was, with all
// that a careless write loses (B5).
func TestAPITestAtAzure(t *testing.T) {
	s := newCloudSite(t)
	own, peer := s.layout.LANNIC(site.Primary), s.layout.LANNIC(site.Secondary)
	ownBefore, peerBefore := s.read(own), s.read(peer)
	text, passed := s.apiTest(t)
	if !passed || strings.Count(text, "\nok ")+1 < 6 {
		t.Errorf("%s", text)
	}
	if diff, err := azuresite.Differences(ownBefore, s.read(own)); err != nil || len(diff) > 0 {
		t.Errorf("own NIC differs: %v, %v", diff, err)
	}
	if !bytes.Equal(peerBefore, s.read(peer)) {
		t.Error("the peer's NIC was written")
	}
	t.Log("\n" + text)
}

// F6, C4: what is missing is named exactly, with its scope, and so is the step
// that mends it.
func TestAPITestWithoutARole(t *testing.T) {
	s := newCloudSite(t)
	remove := func(scopePart string) (scope string) {
		for i, id := range s.layout.Assignments() {
			if scope := s.layout.Scopes()[i]; strings.Contains(scope, scopePart) {
				if answer := s.Do("DELETE", id+"?api-version=2022-04-01", "", ""); answer.Status >= 300 {
					t.Fatalf("%d %s", answer.Status, answer.Body)
				}
				return scope
			}
		}
		t.Fatalf("no scope %s", scopePart)
		return ""
	}
	nsg := remove("networkSecurityGroups")
	text, passed := s.apiTest(t)
	for _, want := range []string{
		"missing: Microsoft.Network/networkSecurityGroups/join/action on " + nsg,
		"the identity may not do Microsoft.Network/networkSecurityGroups/join/action on " + nsg,
		apitest.ProblemAccess, "--scope " + nsg,
	} {
		if passed || !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	peer := remove("vsocket-secondary-lan")
	text, _ = s.apiTest(t)
	want := "the identity may not do Microsoft.Network/networkInterfaces/read on " + peer
	if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
		t.Errorf("no %q in\n%s", want, text)
	}
}
