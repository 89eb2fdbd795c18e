package apitest

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
)

const (
	group  = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.Network"
	vnet   = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet"
	subnet = vnet + "/subnets/lan"
	table  = group + "/routeTables/work"
)

// azure is as much of ARM and IMDS as the test asks of them.
type azure struct {
	mu      sync.Mutex
	nics    map[string]string // body by lower-case id, ETAG and STATE to be put in
	etag    int
	puts    []string
	updates int // reads that still show Updating after a write

	metadata func(w http.ResponseWriter, r *http.Request) bool // answers instead, if it says so
	arm      func(w http.ResponseWriter, r *http.Request) bool
}

func nicBody(id, address, more string) string {
	return fmt.Sprintf(`{"name":"%s","id":"%s","etag":"ETAG","future":1.50,"tags":{"a":"b"},"properties":{"provisioningState":"STATE",
	"enableIPForwarding":true,"virtualMachine":{"id":"/vm"},%s"ipConfigurations":[{"name":"ipconfig1","etag":"ETAG","properties":{
	"privateIPAddress":"%s","subnet":{"id":"%s"},"applicationSecurityGroups":[{"id":"%s/applicationSecurityGroups/asg"}]}}]}}`,
		filepath.Base(id), id, more, address, subnet, group)
}

func newAzure() *azure {
	own, peer := group+"/networkInterfaces/own", group+"/networkInterfaces/peer"
	nsg := `"networkSecurityGroup":{"id":"` + group + `/networkSecurityGroups/nsg"},`
	return &azure{nics: map[string]string{
		strings.ToLower(own):  nicBody(own, "10.102.2.10", nsg),
		strings.ToLower(peer): nicBody(peer, "10.102.2.11", ""),
		strings.ToLower(vnet): `{"name":"vnet","properties":{"subnets":[{"properties":{"routeTable":{"id":"` + table + `"}}},{"properties":{}},{"properties":{"routeTable":{"id":"` + table + `"}}}]}}`,
	}}
}

func (a *azure) serveIMDS(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.metadata != nil && a.metadata(w, r) {
		return
	}
	if strings.Contains(r.URL.Path, "/identity/") {
		io.WriteString(w, `{"access_token":"t","client_id":"22222222-2222-2222-2222-222222222222","expires_in":"3600"}`)
		return
	}
	io.WriteString(w, `[{"macAddress":"0022480000AA","ipv4":{"ipAddress":[{"privateIpAddress":"10.102.2.10"}]}}]`)
}

func (a *azure) serveARM(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.arm != nil && a.arm(w, r) {
		return
	}
	if strings.HasSuffix(r.URL.Path, "/permissions") {
		io.WriteString(w, `{"value":[{"actions":["Microsoft.Network/*"],"notActions":[]}]}`)
		return
	}
	id := strings.ToLower(r.URL.Path)
	body, ok := a.nics[id]
	if !ok {
		refuse(w, 404, "ResourceNotFound", "The Resource was not found.")
		return
	}
	if r.Method == http.MethodPut {
		sent, _ := io.ReadAll(r.Body)
		a.puts = append(a.puts, string(sent))
		if r.Header.Get("If-Match") != a.tag() {
			refuse(w, 412, "PreconditionFailed", "Precondition failed.")
			return
		}
		a.etag++
		a.updates = 1
	}
	state := "Succeeded"
	if a.updates > 0 && (r.Method == http.MethodPut || r.Method == http.MethodGet) {
		state = "Updating"
		if r.Method == http.MethodGet {
			a.updates--
		}
	}
	quoted, _ := json.Marshal(a.tag())
	io.WriteString(w, strings.NewReplacer(`"ETAG"`, string(quoted), "STATE", state).Replace(body))
}

func (a *azure) tag() string { return fmt.Sprintf(`W/"%d"`, a.etag) }

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "message": message}})
}

func (a *azure) config(t *testing.T) Config {
	t.Helper()
	metadata := httptest.NewServer(http.HandlerFunc(a.serveIMDS))
	t.Cleanup(metadata.Close)
	server := httptest.NewTLSServer(http.HandlerFunc(a.serveARM))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := imds.New(imds.Config{Base: metadata.URL, ClientID: "22222222-2222-2222-2222-222222222222", Audience: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	tokens := imds.NewTokens(client)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go tokens.Run(ctx)
	cloud, err := arm.New(arm.Config{Endpoint: server.URL, CAFile: ca, Tokens: tokens,
		NIC: group + "/networkInterfaces/own", PeerNIC: group + "/networkInterfaces/peer",
		Clock: func() time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return Config{Pause: time.Millisecond, Metadata: client, ARM: cloud, Endpoint: server.URL, Subnet: strings.ToUpper(subnet),
		ClientID: "22222222-2222-2222-2222-222222222222",
		LAN:      netip.MustParseAddr("10.102.2.10"), PeerLAN: netip.MustParseAddr("10.102.2.11")}
}

// run returns the steps by name, and whether all passed.
func run(t *testing.T, config Config) (map[string]Step, bool) {
	t.Helper()
	steps := map[string]Step{}
	passed, err := Run(t.Context(), config, func(s Step) error { steps[s.Name] = s; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 8 {
		t.Errorf("%d steps", len(steps))
	}
	return steps, passed
}

// F5: all well. The one write is the own NIC's body as it was, byte by byte.
func TestAllWell(t *testing.T) {
	a := newAzure()
	steps, passed := run(t, a.config(t))
	for name, step := range steps {
		if step.Result != OK {
			t.Errorf("%s: %+v", name, step)
		}
	}
	if !passed {
		t.Error("not passed")
	}
	want := strings.NewReplacer(`"ETAG"`, `"W/\"0\""`, "STATE", "Succeeded").Replace(a.nics[strings.ToLower(group+"/networkInterfaces/own")])
	if len(a.puts) != 1 || a.puts[0] != want {
		t.Errorf("written: %q", a.puts)
	}
	if got := steps[StepPermissions].Detail; got != "7 actions on 5 resources, none missing" {
		t.Errorf("permissions: %s", got)
	}
}

// Each fault is told with its kind (F6, F7) and a step that mends it, and
// whatever doesn't depend on it is still tried.
func TestFaults(t *testing.T) {
	denied := func(action string) string {
		return "The client does not have authorization to perform action '" + action + "' over scope '/the/scope' or the scope is invalid."
	}
	tests := []struct {
		name    string
		spoil   func(a *azure, c *Config)
		step    string
		problem string
		detail  string
		hint    string
		after   map[string]Result
	}{
		{"no identity (F6)", func(a *azure, _ *Config) {
			a.metadata = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/identity/") {
					return false
				}
				w.WriteHeader(400)
				io.WriteString(w, `{"error":"invalid_request","error_description":"Identity not found"}`)
				return true
			}
		}, StepToken, ProblemAccess, "Identity not found", "az vm identity assign --resource-group rg", map[string]Result{StepOwnNIC: Skipped, StepWrite: Skipped}},
		{"metadata on another VM", func(_ *azure, c *Config) { c.LAN = netip.MustParseAddr("10.102.2.12") },
			StepMetadata, ProblemNIC, "none has the address 10.102.2.12", "interfaces.lan.address", map[string]Result{StepToken: Skipped, StepOwnNIC: Skipped}},
		{"no right to read (F6)", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/own") {
					refuse(w, 403, "AuthorizationFailed", denied("Microsoft.Network/networkInterfaces/read"))
					return true
				}
				return false
			}
		}, StepOwnNIC, ProblemAccess, "may not do Microsoft.Network/networkInterfaces/read on /the/scope",
			"az role assignment create --assignee 22222222-2222-2222-2222-222222222222 --role \"Network Contributor\" --scope /the/scope",
			map[string]Result{StepPeerNIC: OK, StepPermissions: OK, StepWrite: Skipped}},
		{"missing actions are named (C4)", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/permissions") {
					return false
				}
				io.WriteString(w, `{"value":[{"actions":["Microsoft.Network/networkInterfaces/*"],"notActions":["*/write"]},{"actions":["*/joinIpConfiguration/action"]}]}`)
				return true
			}
		}, StepPermissions, ProblemAccess, "networkInterfaces/write on " + group + "/networkInterfaces/own", "networkSecurityGroups/join/action", map[string]Result{StepWrite: OK}},
		{"permissions can't be listed", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/permissions") {
					refuse(w, 403, "AuthorizationFailed", "m")
					return true
				}
				return false
			}
		}, "", "", "", "", map[string]Result{StepPermissions: Unknown, StepWrite: OK, StepVerify: OK}},
		{"routes are changed by hand", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.Path, table) {
					return false
				}
				io.WriteString(w, `{"value":[{"actions":["*/read"]}]}`)
				return true
			}
		}, "", "", "", "", map[string]Result{StepRoutes: Unknown, StepWrite: OK}},
		{"the VNet can't be read", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(strings.ToLower(r.URL.Path), "/vnet") {
					return false
				}
				refuse(w, 403, "AuthorizationFailed", denied("Microsoft.Network/virtualNetworks/read"))
				return true
			}
		}, "", "", "", "", map[string]Result{StepRoutes: Unknown, StepWrite: OK}},
		{"no right to join (F6)", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut {
					return false
				}
				refuse(w, 403, "LinkedAuthorizationFailed", "has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '/nic'; however, it does not have permission to perform action 'Microsoft.Network/networkSecurityGroups/join/action' on the linked scope(s) '/nsg' or the linked scope(s) are invalid.")
				return true
			}
		}, StepWrite, ProblemAccess, "may not do Microsoft.Network/networkSecurityGroups/join/action on /nsg", "--scope /nsg", map[string]Result{StepVerify: Skipped}},
		{"NIC that isn't there (F7)", func(a *azure, _ *Config) { delete(a.nics, strings.ToLower(group+"/networkInterfaces/peer")) },
			StepPeerNIC, ProblemNIC, "ResourceNotFound", "networkInterfaces/peer doesn't exist", map[string]Result{StepOwnNIC: OK, StepWrite: OK}},
		{"forwarding is off (F7)", func(a *azure, _ *Config) {
			for id, body := range a.nics {
				a.nics[id] = strings.Replace(body, `"enableIPForwarding":true`, `"enableIPForwarding":false`, 1)
			}
		}, StepOwnNIC, ProblemNIC, "IP forwarding is off", "az network nic update --resource-group rg --name own --ip-forwarding true", map[string]Result{StepPeerNIC: Failed}},
		{"NICs of other addresses (F7)", func(_ *azure, c *Config) { c.PeerLAN = netip.MustParseAddr("10.102.2.77") },
			StepPeerNIC, ProblemNIC, "peer has 10.102.2.11, not 10.102.2.77", "ha.peer.lan", nil},
		{"other subnet (F7)", func(_ *azure, c *Config) { c.Subnet = subnet + "x" }, StepOwnNIC, ProblemNIC, "is in the subnet", "azure.subnet", nil},
		{"ARM out of reach", func(a *azure, _ *Config) {
			a.arm = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
		}, StepOwnNIC, ProblemNetwork, "Unreachable", "TCP port 443", nil},
		{"token refused", func(a *azure, _ *Config) {
			a.arm = func(w http.ResponseWriter, _ *http.Request) bool {
				refuse(w, 401, "InvalidAuthenticationToken", "m")
				return true
			}
		}, StepOwnNIC, ProblemAccess, "InvalidAuthenticationToken", "azure.audience", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAzure()
			config := a.config(t)
			a.mu.Lock()
			test.spoil(a, &config)
			a.mu.Unlock()
			steps, passed := run(t, config)
			if test.step != "" {
				step := steps[test.step]
				if step.Result != Failed || step.Problem != test.problem || !strings.Contains(step.Detail, test.detail) ||
					!strings.Contains(strings.Join(step.Hints, "\n"), test.hint) {
					t.Errorf("%+v", step)
				}
			}
			if passed != (test.step == "") {
				t.Errorf("passed %v", passed)
			}
			for name, want := range test.after {
				if steps[name].Result != want {
					t.Errorf("%s is %+v, want %s", name, steps[name], want)
				}
			}
		})
	}
}

// The test stays out of the way of a takeover, and of anybody else's write.
func TestNotWritten(t *testing.T) {
	a := newAzure()
	config := a.config(t)
	config.Busy = func() string { return "a takeover is under way" }
	steps, passed := run(t, config)
	if got := steps[StepWrite]; got.Result != Skipped || got.Detail != "not written: a takeover is under way" || passed || len(a.puts) != 0 {
		t.Errorf("%+v, passed %v, %d writes", got, passed, len(a.puts))
	}

	a = newAzure()
	config = a.config(t)
	config.Busy = func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.updates = 100
		return ""
	}
	if steps, _ := run(t, config); steps[StepWrite].Result != Skipped || len(a.puts) != 0 {
		t.Errorf("%+v with %d writes", steps[StepWrite], len(a.puts))
	}

	a = newAzure()
	a.arm = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			a.etag++ // somebody was quicker
		}
		return false
	}
	if steps, _ := run(t, a.config(t)); steps[StepWrite].Result != Skipped || steps[StepVerify].Result != Skipped || len(a.puts) != 1 {
		t.Errorf("%+v with %d writes", steps[StepWrite], len(a.puts))
	}
}

// A NIC that isn't as before is told by the path of each difference.
func TestChangeIsTold(t *testing.T) {
	a := newAzure()
	a.arm = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			id := strings.ToLower(r.URL.Path)
			a.nics[id] = strings.NewReplacer(`"future":1.50,`, "", `"a":"b"`, `"a":"c"`).Replace(a.nics[id])
		}
		return false
	}
	steps, passed := run(t, a.config(t))
	if got := steps[StepVerify]; got.Result != Failed || got.Detail != "these differ: .future, .tags.a" || passed {
		t.Errorf("%+v", got)
	}
}

func TestDifferences(t *testing.T) {
	for _, test := range []struct{ before, after, want string }{
		{`{"etag":"1","a":[{"etag":"1","provisioningState":"Updating"}]}`, `{"a":[{"etag":"2"}],"etag":"2"}`, ""},
		{`{"a":1.50}`, `{"a":1.5}`, ""},
		{`{"a":1.5}`, `{"a":2}`, ".a"},
		{`{"a":9007199254740993}`, `{"a":9007199254740992}`, ".a"},
		{`{"a":[1,2]}`, `{"a":[1]}`, ".a"},
		{`{"a":[1,{"b":null}]}`, `{"a":[1,{}]}`, ".a[1].b"},
		{`{"a":{}}`, `{"a":[]}`, ".a"},
		{`{"a":[]}`, `{"a":{}}`, ".a"},
	} {
		got, err := differences([]byte(test.before), []byte(test.after))
		if err != nil || strings.Join(got, ",") != test.want {
			t.Errorf("%s, %s: %v, %v", test.before, test.after, got, err)
		}
	}
	if _, err := differences([]byte("{}"), []byte("<")); err == nil {
		t.Error("no JSON passes")
	}
}

func TestEmitEnds(t *testing.T) {
	gone := errors.New("gone")
	if _, err := Run(t.Context(), newAzure().config(t), func(Step) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}
