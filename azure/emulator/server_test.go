package emulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/plane"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

const (
	sub   = "/subscriptions/" + store.DefaultSubscription
	group = sub + "/resourceGroups/rg"
	vnet  = group + "/providers/Microsoft.Network/virtualNetworks/vnet"
	lan   = vnet + "/subnets/lan"
	nic   = group + "/providers/Microsoft.Network/networkInterfaces/lan0"
	ident = group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/releve"
	vm    = group + "/providers/Microsoft.Compute/virtualMachines/primary"
	fip   = "10.102.2.200"
)

func nicBody(floating bool) string {
	extra := ""
	if floating {
		extra = `,{"name":"releve-fip","properties":{"privateIPAddress":"` + fip + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}}}`
	}
	return `{"location":"westeurope","properties":{"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":true,"privateIPAddress":"10.102.2.10","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}}}` + extra + `]}}`
}

// world is a served emulator and a client that trusts it.
type world struct {
	t      *testing.T
	s      *emulator.Server
	base   string
	client *http.Client
	imds   *httptest.Server
}

func newWorld(t *testing.T, opt emulator.Options) *world {
	s, err := emulator.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, each := range [][2]string{
		{group, `{"location":"westeurope"}`},
		{vnet, `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.102.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.102.2.0/24"}}]}}`},
		{nic, nicBody(true)},
		{ident, `{"location":"westeurope"}`},
		{vm, `{"location":"westeurope","identity":{"type":"UserAssigned","userAssignedIdentities":{"` + ident + `":{}}},"properties":{"networkProfile":{"networkInterfaces":[{"id":"` + nic + `"}]}}}`},
	} {
		if err := s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	return serve(t, s)
}

func serve(t *testing.T, s *emulator.Server) *world {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := s.HTTPServer("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(client.CloseIdleConnections)
	imds := httptest.NewServer(s.IMDSHandler(vm))
	t.Cleanup(imds.Close)
	return &world{t: t, s: s, base: "https://" + listener.Addr().String(), client: client, imds: imds}
}

type answer struct {
	*http.Response
	body []byte
}

func (w *world) try(ctx context.Context, method, path, token, body string, header ...string) (answer, error) {
	if !strings.Contains(path, "?") {
		path += "?api-version=2024-05-01"
	}
	if strings.HasPrefix(path, "/") {
		path = w.base + path
	}
	r, err := http.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp, data}, err
}

func (w *world) call(method, path, token, body string, header ...string) answer {
	w.t.Helper()
	a, err := w.try(w.t.Context(), method, path, token, body, header...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) admin() string { return w.s.AdminToken("https://management.azure.com/") }

func (w *world) metadata(path string) answer {
	w.t.Helper()
	return w.call("GET", w.imds.URL+path, "", "", "Metadata", "true")
}

// identity is the managed identity's token, by way of IMDS.
func (w *world) identity() string {
	w.t.Helper()
	a := w.metadata("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/")
	if a.StatusCode != 200 {
		w.t.Fatalf("IMDS: %d %s", a.StatusCode, a.body)
	}
	return a.field("access_token")
}

func (a answer) field(path ...string) string {
	var v any
	json.Unmarshal(a.body, &v)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	text, _ := v.(string)
	return text
}

func (a answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if a.StatusCode != status || a.field("error", "code") != code {
		t.Fatalf("got %d %s, want %d %s", a.StatusCode, a.body, status, code)
	}
}

// TestMoveOverHTTP walks the operation's URL and sees the data plane and IMDS
// follow.
func TestMoveOverHTTP(t *testing.T) {
	w := newWorld(t, emulator.Options{Store: store.Options{Profile: profile.Instant}})
	planes := make(chan *plane.Plane, 10)
	w.s.OnPlane(func(p *plane.Plane) { planes <- p })
	if first := <-planes; len(first.NICs[0].Addrs) != 2 {
		t.Fatalf("plane %v", first.NICs)
	}
	put := w.call("PUT", nic, w.admin(), nicBody(false))
	put.want(t, 200, "")
	poll := put.Header.Get("Azure-AsyncOperation")
	if put.field("properties", "provisioningState") != "Updating" || !strings.HasPrefix(poll, w.base+"/subscriptions/") {
		t.Fatalf("poll %q of %s", poll, put.body)
	}
	if moved := <-planes; len(moved.NICs[0].Addrs) != 1 {
		t.Fatalf("plane %v", moved.NICs)
	}
	deadline := time.Now().Add(10 * time.Second)
	for w.call("GET", poll, w.admin(), "").field("status") != "Succeeded" {
		if time.Now().After(deadline) {
			t.Fatal("the operation never ended")
		}
	}
	if list := w.metadata("/metadata/instance/network/interface?api-version=2021-02-01"); bytes.Contains(list.body, []byte(fip)) {
		t.Fatalf("IMDS still shows the address: %s", list.body)
	}
}

// TestState: a restarted emulator is trusted by the same clients, and holds
// the same resources.
func TestState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	w := newWorld(t, emulator.Options{State: file})
	token := w.admin()
	before := w.call("GET", nic, token, "")
	w.s.Close()
	again, err := emulator.New(emulator.Options{State: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	if !bytes.Equal(again.CA(), w.s.CA()) {
		t.Fatal("another CA")
	}
	w2 := serve(t, again)
	after := w2.call("GET", nic, token, "")
	if !bytes.Equal(after.body, before.body) {
		t.Fatalf("before %s\nafter %s", before.body, after.body)
	}
}

// Whoever follows the data plane is told of a change also when somebody has
// looked at it first: IMDS's answer may be what lets an operation end.
func TestAPlaneThatWasLookedAtIsTold(t *testing.T) {
	w := newWorld(t, emulator.Options{Store: store.Options{Profile: profile.Instant}})
	var told []*plane.Plane
	w.s.OnPlane(func(p *plane.Plane) { told = append(told, p) })
	var failed error
	w.s.With(func(now time.Duration, st *store.Store) {
		failed = st.Place(now, nic, nicBody(false))
		st.Plane()
	})
	if failed != nil || len(told) != 2 || len(told[1].NICs[0].Addrs) != 1 {
		t.Errorf("told %d planes, want the one without the address too (error %v)", len(told), failed)
	}
}
