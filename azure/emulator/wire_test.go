package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/store"
)

// allow gives the managed identity a built-in role at a scope.
func (w *world) allow(scope, role string) {
	w.t.Helper()
	principal := w.call("GET", ident, w.admin(), "").field("properties", "principalId")
	path := scope + "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000001"
	if err := w.s.Place(path, `{"properties":{"roleDefinitionId":"`+sub+`/providers/Microsoft.Authorization/roleDefinitions/`+role+`","principalId":"`+principal+`"}}`); err != nil {
		w.t.Fatal(err)
	}
}

const contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"

// TestTokens: only this emulator's tokens are taken, for ARM, and while they last.
func TestTokens(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	other, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	old, err := emulator.New(emulator.Options{TokenLife: -time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	expired := serve(t, old)
	good := w.admin()
	w.call("GET", nic, "", "").want(t, 401, "AuthenticationFailed")
	w.call("GET", nic, "nonsense", "").want(t, 401, "InvalidAuthenticationToken")
	w.call("GET", nic, other.AdminToken("https://management.azure.com"), "").want(t, 401, "InvalidAuthenticationToken")
	w.call("GET", nic, good[:len(good)-4]+"AAAA", "").want(t, 401, "InvalidAuthenticationToken")
	w.call("GET", nic, w.s.AdminToken("https://vault.azure.net"), "").want(t, 401, "InvalidAuthenticationTokenAudience")
	expired.call("GET", nic, expired.admin(), "").want(t, 401, "ExpiredAuthenticationToken")
	refused := w.call("GET", nic, "nonsense", "")
	if !strings.Contains(refused.Header.Get("WWW-Authenticate"), "authorization_uri=") {
		t.Fatalf("headers %v", refused.Header)
	}
	w.call("GET", nic, w.s.AdminToken(w.base), "").want(t, 200, "")
}

// TestClientCredentials is the OAuth way to the administrator's token.
func TestClientCredentials(t *testing.T) {
	w := newWorld(t, emulator.Options{Secret: "s3cret"})
	config := w.call("GET", "/"+store.DefaultTenant+"/v2.0/.well-known/openid-configuration", "", "")
	form := func(secret string) string {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {emulator.AdminClientID}, "client_secret": {secret}, "scope": {"https://management.azure.com/.default"}}.Encode()
	}
	ask := func(body string) answer {
		return w.call("POST", config.field("token_endpoint"), "", body, "Content-Type", "application/x-www-form-urlencoded")
	}
	if a := ask(form("wrong")); a.StatusCode != 401 || a.field("error") != "invalid_client" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := ask("grant_type=password"); a.StatusCode != 400 || a.field("error") != "unsupported_grant_type" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	w.call("GET", nic, ask(form("s3cret")).field("access_token"), "").want(t, 200, "")
}

// TestCloudMetadata has the three forms that clients read.
func TestCloudMetadata(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	if got := w.call("GET", "/metadata/endpoints?api-version=2022-09-01", "", "").field("authentication", "loginEndpoint"); got != w.base {
		t.Errorf("2022: %s", got)
	}
	if got := w.call("GET", "/metadata/endpoints?api-version=2019-05-01", "", ""); !strings.HasPrefix(string(got.body), "[{") {
		t.Errorf("2019: %s", got.body)
	}
	if got := w.call("GET", "/metadata/endpoints?api-version=2015-01-01", "", "").field("graphEndpoint"); got != w.base {
		t.Errorf("2015: %s", got)
	}
	if got := w.call("GET", "/subscriptions?api-version=2022-12-01", w.admin(), ""); !strings.Contains(string(got.body), store.DefaultSubscription) {
		t.Errorf("subscriptions: %s", got.body)
	}
}

// TestMetadataService is IMDS as the documentation has it (azure.md section 2).
func TestMetadataService(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	const token = "/metadata/identity/oauth2/token?api-version=2018-02-01"
	const arm = token + "&resource=https://management.azure.com/"
	clientID := w.call("GET", ident, w.admin(), "").field("properties", "clientId")
	objectID := w.call("GET", ident, w.admin(), "").field("properties", "principalId")
	for _, c := range []struct {
		path        string
		status      int
		description string
	}{
		{arm, 200, ""},
		{arm + "&client_id=" + clientID, 200, ""},
		{arm + "&object_id=" + objectID, 200, ""},
		{arm + "&msi_res_id=" + url.QueryEscape(ident), 200, ""},
		{arm + "&client_id=00000000-0000-0000-0000-000000000009", 400, "Identity not found"},
		{token, 400, "Required query variable 'resource' is missing"},
	} {
		a := w.metadata(c.path)
		if a.StatusCode != c.status || a.field("error_description") != c.description {
			t.Errorf("%s: %d %s", c.path, a.StatusCode, a.body)
		}
	}
	if a := w.call("GET", w.imds.URL+arm, "", ""); a.StatusCode != 400 || a.field("error_description") != "Required metadata header not specified" {
		t.Errorf("without header: %d %s", a.StatusCode, a.body)
	}
	if a := w.metadata("/metadata/instance/compute/name?api-version=2021-02-01&format=text"); string(a.body) != "primary" {
		t.Errorf("name: %s", a.body)
	}
	if a := w.metadata("/metadata/instance/network/interface/0/ipv4/ipAddress/1/privateIpAddress?api-version=2021-02-01&format=text"); string(a.body) != fip {
		t.Errorf("address: %s", a.body)
	}
	if a := w.metadata("/metadata/scheduledevents?api-version=2020-07-01"); string(a.body) != `{"DocumentIncarnation":1,"Events":[]}` {
		t.Errorf("events: %s", a.body)
	}
	if a := w.metadata("/metadata/instance/none?api-version=2021-02-01"); a.StatusCode != 404 {
		t.Errorf("none: %d", a.StatusCode)
	}
	w.s.SetIMDSFault(vm, emulator.IMDSFault{Status: 503})
	if a := w.metadata(arm); a.StatusCode != 503 {
		t.Errorf("fault: %d", a.StatusCode)
	}
	w.s.SetIMDSFault(vm, emulator.IMDSFault{})
	if a := w.metadata(arm); a.StatusCode != 200 {
		t.Errorf("healed: %d", a.StatusCode)
	}
}

// TestSilent: ARM accepts and never answers; when it is back, what hung is
// dropped without effect.
func TestSilent(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	w.allow(group, contributor)
	token, etag := w.identity(), w.call("GET", nic, w.admin(), "").field("etag")
	if _, err := w.s.Inject(store.Fault{Kind: store.FaultSilent}); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{}, 1)
	w.s.OnCall(func(stage emulator.Stage, c emulator.Call) {
		if stage == emulator.Silenced && c.Method == "PUT" {
			arrived <- struct{}{}
		}
	})
	failed := make(chan error, 1)
	go func() {
		_, err := w.try(context.Background(), "PUT", nic, token, nicBody(false))
		failed <- err
	}()
	<-arrived
	select {
	case err := <-failed:
		t.Fatalf("an answer during the silence: %v", err)
	default:
	}
	w.s.Clear(0)
	if err := <-failed; err == nil {
		t.Fatal("the hung request was answered")
	}
	if got := w.call("GET", nic, token, "").field("etag"); got != etag {
		t.Fatal("the hung request had an effect")
	}
}

// TestSilentClient: a caller that gives up is let go.
func TestSilentClient(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	if _, err := w.s.Inject(store.Fault{Kind: store.FaultSilent, Client: "*"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	w.s.OnCall(func(stage emulator.Stage, _ emulator.Call) { cancel(errors.New("enough")) })
	if _, err := w.try(ctx, "GET", nic, w.admin(), ""); err == nil {
		t.Fatal("answered")
	}
}

// TestLost: the write takes effect, the connection ends instead of the answer.
func TestLost(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	if _, err := w.s.Inject(store.Fault{Kind: store.FaultLost, Client: "*", Method: "PUT", Count: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.try(t.Context(), "PUT", nic, w.admin(), nicBody(false)); err == nil {
		t.Fatal("answered")
	}
	if a := w.call("GET", nic, w.admin(), ""); strings.Contains(string(a.body), fip) {
		t.Fatal("no effect")
	}
}

// TestHooks: code runs before the effect, between it and the answer, and after
// the client has the whole answer.
func TestHooks(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	var mu sync.Mutex
	var seen []string
	received := make(chan struct{})
	done := make(chan struct{})
	w.s.OnCall(func(stage emulator.Stage, c emulator.Call) {
		if c.Method != "PUT" {
			return
		}
		body := w.s.Do("GET", nic+"?api-version=1", "", "").Body
		mu.Lock()
		seen = append(seen, fmt.Sprint(stage, " ", c.Status, " ", strings.Contains(string(body), fip)))
		mu.Unlock()
		if stage == emulator.Sent {
			<-received // the client has it although the handler hasn't returned
			close(done)
		}
	})
	w.call("PUT", nic, w.admin(), nicBody(false)).want(t, 200, "")
	close(received)
	<-done
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(seen, ", "); got != "0 0 true, 1 200 false, 2 200 false" {
		t.Fatalf("seen %s", got)
	}
	calls := w.s.Calls()
	last := calls[len(calls)-1]
	if last.Who != "admin" || last.Method != "PUT" || last.Path != nic || last.Status != 200 || last.ETag == "" || last.Duration <= 0 || !last.Done {
		t.Fatalf("call %+v", last)
	}
}

// TestWho: two VMs share an identity; the log tells them apart by the token.
func TestWho(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	sent := make(chan emulator.Call, 1)
	w.s.OnCall(func(stage emulator.Stage, c emulator.Call) {
		if stage == emulator.Sent {
			sent <- c
		}
	})
	w.call("GET", nic, w.identity(), "").want(t, 403, "AuthorizationFailed")
	if last := <-sent; last.Who != "primary" || last.Code != "AuthorizationFailed" {
		t.Fatalf("call %+v", last)
	}
}

// TestSideAPI injects and clears by HTTP, strictly.
func TestSideAPI(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	made := w.call("POST", "/_emulator/faults", "", `{"kind":"error","code":"InternalServerError","client":"*","method":"GET"}`)
	if made.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", made.StatusCode, made.body)
	}
	w.call("GET", nic, w.admin(), "").want(t, 500, "InternalServerError")
	if a := w.call("DELETE", "/_emulator/faults/1", "", ""); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	w.call("GET", nic, w.admin(), "").want(t, 200, "")
	w.call("POST", "/_emulator/faults", "", `{"kind":"weird"}`).want(t, 400, "BadRequest")
	w.call("POST", "/_emulator/faults", "", `{"kind":"silent","fro":"1s"}`).want(t, 400, "BadRequest")
	w.call("PUT", "/_emulator/profile", "", `{"name":"quick"}`).want(t, 400, "BadRequest")
	w.call("PUT", "/_emulator/profile", "", `{"name":"classic"}`).want(t, 204, "")
	for _, path := range []string{"faults", "calls", "operations", "violations", "plane", "ca", "snapshot", "profile", "switches"} {
		if a := w.call("GET", "/_emulator/"+path, "", ""); a.StatusCode != 200 || len(a.body) == 0 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

// TestBrokenState: a damaged state file is refused with a hint, not replaced.
func TestBrokenState(t *testing.T) {
	file := t.TempDir() + "/state.json"
	if err := os.WriteFile(file, []byte(`{"store":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emulator.New(emulator.Options{State: file}); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Fatalf("error %v", err)
	}
}
