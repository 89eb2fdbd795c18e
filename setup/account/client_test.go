package account

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/setup/document"
)

const (
	group = "/subscriptions/" + store.DefaultSubscription + "/resourceGroups/rg-site"
	vnet  = group + "/providers/Microsoft.Network/virtualNetworks/vnet"
	nic   = group + "/providers/Microsoft.Network/networkInterfaces/lan1"
	body  = `{"location":"westeurope","future":1,"properties":{"ipConfigurations":[{"name":"ipconfig1","properties":{"primary":true,
		"privateIPAllocationMethod":"Static","privateIPAddress":"10.0.0.10","subnet":{"id":"` + vnet + `/subnets/lan"}}}]}}`
)

// token is a credential that has one.
type token string

func (t token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// serve is an emulated Azure with a VNet, and a client of its administrator's.
func serve(t *testing.T, p profile.Profile) (*emulator.Server, *Client) {
	t.Helper()
	azure, err := emulator.New(emulator.Options{Store: store.Options{Profile: p}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { azure.Close() })
	for _, each := range [][2]string{
		{group, `{"location":"westeurope"}`},
		{vnet, `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.0.0.0/16"]},"subnets":[{"name":"lan","properties":{"addressPrefix":"10.0.0.0/24"}}]}}`},
	} {
		if err := azure.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := azure.HTTPServer("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(azure.CA())
	client, err := New(Config{
		Endpoint: "https://" + listener.Addr().String(), Audience: "https://management.azure.com",
		Credential: token(azure.AdminToken("https://management.azure.com")),
		Transport:  &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return azure, client
}

func TestAWriteReturnsWhenAzureHasCarriedItOut(t *testing.T) {
	p := profile.Instant
	for class := range p.Writes {
		p.Writes[class].Control = profile.Range{From: 300 * time.Millisecond, To: 400 * time.Millisecond}
	}
	_, c := serve(t, p)
	is, err := c.Put(t.Context(), nic, document.Must(body), "")
	if err != nil {
		t.Fatal(err)
	}
	if state := is.Text("properties", "provisioningState"); state != "Succeeded" {
		t.Errorf("the write returned in state %s", state)
	}
	got, etag, err := c.Get(t.Context(), nic)
	if err != nil || etag == "" || !document.Equal(got, is) {
		t.Errorf("read again: %v, etag %q, differs in %v", err, etag, document.Diff(got, is))
	}
	if _, err := c.Put(t.Context(), nic, got, `W/"other"`); !errors.Is(err, Code("PreconditionFailed")) {
		t.Errorf("a write on the condition of another ETag: %v", err)
	}
	list, err := c.List(t.Context(), group+"/providers/Microsoft.Network/networkInterfaces")
	if err != nil || len(list) != 1 || list[0].Text("name") != "lan1" {
		t.Errorf("listed %v, %v", list, err)
	}
	if tagged, err := c.Patch(t.Context(), nic, document.Must(`{"tags":{"a":"b"}}`)); err != nil || tagged.Text("tags", "a") != "b" || tagged.Get("future") == nil {
		t.Errorf("tagged: %v, %v", tagged, err)
	}
	if err := c.Delete(t.Context(), nic); err != nil {
		t.Fatal(err)
	}
	if gone, _, err := c.Get(t.Context(), nic); gone != nil || err != nil {
		t.Errorf("deleted, and there is %v, %v", gone, err)
	}
	if err := c.Delete(t.Context(), nic); err != nil {
		t.Errorf("deleting what isn't there: %v", err)
	}
}

func TestWhoAsksAndWhatTheyMay(t *testing.T) {
	_, c := serve(t, profile.Instant)
	who, err := c.Caller(t.Context())
	if err != nil || who.Tenant != store.DefaultTenant || who.ObjectID != emulator.AdminClientID || !who.Application {
		t.Errorf("the caller is %+v, %v", who, err)
	}
	may, err := c.Permissions(t.Context(), group)
	if err != nil || !may.Allows("Microsoft.Network/networkInterfaces/write") {
		t.Errorf("the administrator may %v, %v", may, err)
	}
}
