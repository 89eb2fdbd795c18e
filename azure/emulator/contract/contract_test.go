package contract

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

const (
	sub   = store.DefaultSubscription
	group = "/subscriptions/" + sub + "/resourceGroups/rg-site"
	vnet  = group + "/providers/Microsoft.Network/virtualNetworks/vnet"
	lan   = vnet + "/subnets/lan"
	nsg   = group + "/providers/Microsoft.Network/networkSecurityGroups/lan"
	ident = group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/releve"
	nicA  = group + "/providers/Microsoft.Network/networkInterfaces/a"
	nicB  = group + "/providers/Microsoft.Network/networkInterfaces/b"
	fip   = "10.0.0.200"
)

func nicBody(own string, floating bool) string {
	extra := ""
	if floating {
		extra = `,{"name":"fip","properties":{"privateIPAddress":"` + fip + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}}}`
	}
	return `{"location":"westeurope","tags":{"owner":"ops"},"future":"top","properties":{"enableIPForwarding":true,"allowPort25Out":true,
	"networkSecurityGroup":{"id":"` + nsg + `"},"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":true,"futureInside":1,"privateIPAddress":"` + own + `","privateIPAllocationMethod":"Static","subnet":{"id":"` + lan + `"}}}` + extra + `]}}`
}

// credential hands out one token.
type credential string

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(c), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

type rig struct {
	t    *testing.T
	s    *emulator.Server
	base string
	http *http.Client
}

func newRig(t *testing.T) *rig {
	s, err := emulator.New(emulator.Options{Store: store.Options{Profile: profile.Instant}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, each := range [][2]string{
		{group, `{"location":"westeurope"}`},
		{nsg, `{"location":"westeurope"}`},
		{vnet, `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.0.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.0.0.0/24"}}]}}`},
		{nicA, nicBody("10.0.0.10", true)},
		{nicB, nicBody("10.0.0.11", false)},
		{ident, `{"location":"westeurope"}`},
	} {
		if err := s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := s.HTTPServer("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(client.CloseIdleConnections)
	return &rig{t, s, "https://" + listener.Addr().String(), client}
}

func (r *rig) options() *arm.ClientOptions {
	return &arm.ClientOptions{DisableRPRegistration: true, ClientOptions: policy.ClientOptions{
		Transport: r.http, Retry: policy.RetryOptions{MaxRetries: -1},
		Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: r.base, Audience: "https://management.azure.com"},
		}},
	}}
}

func (r *rig) nics(token string) *armnetwork.InterfacesClient {
	r.t.Helper()
	client, err := armnetwork.NewInterfacesClient(sub, credential(token), r.options())
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

func (r *rig) admin() string { return r.s.AdminToken("https://management.azure.com") }

func (r *rig) get(client *armnetwork.InterfacesClient, name string) armnetwork.Interface {
	r.t.Helper()
	answer, err := client.Get(r.t.Context(), "rg-site", name, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.Interface
}

func (r *rig) put(client *armnetwork.InterfacesClient, name string, body armnetwork.Interface) error {
	poller, err := client.BeginCreateOrUpdate(r.t.Context(), "rg-site", name, body, nil)
	if err != nil {
		return err
	}
	_, err = poller.PollUntilDone(r.t.Context(), &runtime.PollUntilDoneOptions{Frequency: 10 * time.Millisecond})
	return err
}

// raw is a GET or PUT past the typed SDK.
func (r *rig) raw(method, path, body string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.base+path+"?api-version=2024-05-01", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.admin())
	answer, err := r.http.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

func wantCode(t *testing.T, err error, status int, code string) *azcore.ResponseError {
	t.Helper()
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != status || answer.ErrorCode != code {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	return answer
}

func without(nic armnetwork.Interface, config string) armnetwork.Interface {
	var kept []*armnetwork.InterfaceIPConfiguration
	for _, c := range nic.Properties.IPConfigurations {
		if *c.Name != config {
			kept = append(kept, c)
		}
	}
	nic.Properties.IPConfigurations = kept
	return nic
}

func with(nic armnetwork.Interface) armnetwork.Interface {
	nic.Properties.IPConfigurations = append(nic.Properties.IPConfigurations, &armnetwork.InterfaceIPConfiguration{
		Name: to.Ptr("fip"), Properties: &armnetwork.InterfaceIPConfigurationPropertiesFormat{
			PrivateIPAddress: to.Ptr(fip), PrivateIPAllocationMethod: to.Ptr(armnetwork.IPAllocationMethodStatic), Subnet: &armnetwork.Subnet{ID: to.Ptr(lan)}},
	})
	return nic
}

// TestMove is B2 with the SDK's own poller: refused while the other NIC holds
// the address, done after it doesn't.
func TestMove(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	wantCode(t, r.put(client, "b", with(r.get(client, "b"))), 400, "PrivateIPAddressIsAllocated")
	if err := r.put(client, "a", without(r.get(client, "a"), "fip")); err != nil {
		t.Fatal(err)
	}
	if err := r.put(client, "b", with(r.get(client, "b"))); err != nil {
		t.Fatal(err)
	}
	b := r.get(client, "b")
	if n := len(b.Properties.IPConfigurations); n != 2 || *b.Properties.ProvisioningState != armnetwork.ProvisioningStateSucceeded {
		t.Fatalf("%d ipConfigurations, %s", n, *b.Properties.ProvisioningState)
	}
	if *b.Properties.IPConfigurations[1].Etag != *b.Etag || !strings.HasPrefix(*b.Etag, `W/"`) {
		t.Fatalf("ETags %s and %s", *b.Properties.IPConfigurations[1].Etag, *b.Etag)
	}
}

// TestList pages through what the SDK understands of lists.
func TestList(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	var names []string
	for pager := client.NewListPager("rg-site", nil); pager.More(); {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, nic := range page.Value {
			names = append(names, *nic.Name)
		}
	}
	if strings.Join(names, " ") != "a b" {
		t.Fatalf("names %v", names)
	}
}

// TestIfMatch: ARM as arbiter (B9): of two writers with one ETag the second gets 412.
func TestIfMatch(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	nic := r.get(client, "a")
	match := http.Header{"If-Match": {*nic.Etag}}
	ctx := policy.WithHTTPHeader(t.Context(), match)
	if _, err := client.BeginCreateOrUpdate(ctx, "rg-site", "a", nic, nil); err != nil {
		t.Fatal(err)
	}
	_, err := client.BeginCreateOrUpdate(ctx, "rg-site", "a", nic, nil)
	answer := wantCode(t, err, 412, "PreconditionFailed")
	if !strings.Contains(answer.Error(), "PreconditionFailedEtagMismatch") {
		t.Fatalf("no detail in %v", answer)
	}
}

// TestUnknownProperties (B5): the typed SDK loses what it doesn't know, since a
// PUT replaces all; raw JSON keeps it.
func TestUnknownProperties(t *testing.T) {
	r := newRig(t)
	unknown := []string{`"future":"top"`, `"allowPort25Out":true`, `"futureInside":1`}
	_, before := r.raw("GET", nicA, "")
	if status, body := r.raw("PUT", nicA, before); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	_, kept := r.raw("GET", nicA, "")
	client := r.nics(r.admin())
	if err := r.put(client, "a", r.get(client, "a")); err != nil {
		t.Fatal(err)
	}
	_, lost := r.raw("GET", nicA, "")
	for _, each := range unknown {
		if !strings.Contains(kept, each) {
			t.Errorf("raw PUT lost %s", each)
		}
		if strings.Contains(lost, each) {
			t.Errorf("typed PUT kept %s: the emulator merges", each)
		}
	}
	if !strings.Contains(lost, `"enableIPForwarding":true`) || !strings.Contains(lost, `"owner":"ops"`) {
		t.Errorf("typed PUT lost what it knows: %s", lost)
	}
}

// TestReset: a known property that is left out is reset (azure-rest-api-specs#11948).
func TestReset(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	nic := r.get(client, "a")
	nic.Tags, nic.Properties.NetworkSecurityGroup, nic.Properties.EnableIPForwarding = nil, nil, nil
	if err := r.put(client, "a", nic); err != nil {
		t.Fatal(err)
	}
	nic = r.get(client, "a")
	if len(nic.Tags) != 0 || nic.Properties.NetworkSecurityGroup != nil || *nic.Properties.EnableIPForwarding {
		t.Fatalf("tags %v, group %v, forwarding %v", nic.Tags, nic.Properties.NetworkSecurityGroup, *nic.Properties.EnableIPForwarding)
	}
}

// TestAuthorization (C4): the SDK sees Azure's codes for a missing role and for
// a missing linked one.
func TestAuthorization(t *testing.T) {
	r := newRig(t)
	vm := group + "/providers/Microsoft.Compute/virtualMachines/vm"
	if err := r.s.Place(vm, `{"location":"westeurope","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+ident+`":{}}},"properties":{"networkProfile":{"networkInterfaces":[{"id":"`+nicA+`"}]}}}`); err != nil {
		t.Fatal(err)
	}
	client := r.nics(r.identity(vm))
	_, err := client.Get(t.Context(), "rg-site", "a", nil)
	wantCode(t, err, 403, "AuthorizationFailed")
	r.grant("/subscriptions/"+sub+"/providers/Microsoft.Authorization/roleDefinitions/11111111-2222-3333-4444-555555555555", nicA, `"Microsoft.Network/networkInterfaces/*"`)
	nic := r.get(client, "a")
	answer := wantCode(t, r.put(client, "a", nic), 403, "LinkedAuthorizationFailed")
	if !strings.Contains(answer.Error(), "Microsoft.Network/networkSecurityGroups/join/action") {
		t.Fatalf("the action is not named in %v", answer)
	}
}

// grant gives the identity a role of its own at a scope.
func (r *rig) grant(role, scope, actions string) {
	r.t.Helper()
	_, body := r.raw("GET", ident, "")
	var identity struct {
		Properties struct{ PrincipalID string }
	}
	if err := json.Unmarshal([]byte(body), &identity); err != nil {
		r.t.Fatal(err)
	}
	for _, each := range [][2]string{
		{role, `{"properties":{"roleName":"` + role[len(role)-12:] + `","assignableScopes":["/subscriptions/` + sub + `"],"permissions":[{"actions":[` + actions + `]}]}}`},
		{scope + "/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-2222-3333-4444-555555555555",
			`{"properties":{"roleDefinitionId":"` + role + `","principalId":"` + identity.Properties.PrincipalID + `"}}`},
	} {
		if err := r.s.Place(each[0], each[1]); err != nil {
			r.t.Fatal(err)
		}
	}
}

// identity is a token of the VM's managed identity, by way of IMDS.
func (r *rig) identity(vm string) string {
	r.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	server := &http.Server{Handler: r.s.IMDSHandler(vm)}
	go server.Serve(listener)
	r.t.Cleanup(func() { server.Close() })
	request, err := http.NewRequestWithContext(r.t.Context(), "GET", "http://"+listener.Addr().String()+
		"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Metadata", "true")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.AccessToken == "" {
		r.t.Fatalf("IMDS: %s, %v", answer.Status, err)
	}
	return token.AccessToken
}

// TestFailedOperation: the poller reports an operation that Azure accepted and
// then ended Failed or Canceled.
func TestFailedOperation(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	if _, err := r.s.Inject(store.Fault{Kind: store.FaultFail, Client: "*", Code: "AnotherOperationInProgress", Count: 1}); err != nil {
		t.Fatal(err)
	}
	err := r.put(client, "a", r.get(client, "a"))
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.ErrorCode != "AnotherOperationInProgress" {
		t.Fatalf("got %v", err)
	}
	if state := *r.get(client, "a").Properties.ProvisioningState; state != armnetwork.ProvisioningStateFailed {
		t.Fatalf("provisioningState %s", state)
	}
}

// TestDelete follows the SDK's way by Location.
func TestDelete(t *testing.T) {
	r := newRig(t)
	client := r.nics(r.admin())
	poller, err := client.BeginDelete(t.Context(), "rg-site", "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(t.Context(), "rg-site", "b", nil)
	wantCode(t, err, 404, "ResourceNotFound")
}
