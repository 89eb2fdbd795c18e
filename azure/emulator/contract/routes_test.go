package contract

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"
)

const (
	table     = group + "/providers/Microsoft.Network/routeTables/work"
	tableBody = `{"location":"westeurope","future":"top","properties":{"routes":[
	{"name":"all","futureInside":1,"properties":{"addressPrefix":"0.0.0.0/0","nextHopType":"VirtualAppliance","nextHopIpAddress":"` + fip + `"}},
	{"name":"far","properties":{"addressPrefix":"10.200.0.0/16","nextHopType":"VirtualAppliance","nextHopIpAddress":"` + fip + `","future":[1.50]}}]}}`
	withTable = `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.0.0.0/16"]},"subnets":[
	{"name":"lan","properties":{"addressPrefix":"10.0.0.0/24"}},
	{"name":"work","properties":{"addressPrefix":"10.0.4.0/24","routeTable":{"id":"` + table + `"}}}]}}`
	reader = "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/11111111-2222-3333-4444-666666666666"
)

// newRoutes is a rig whose subnet "work" has a route table.
func newRoutes(t *testing.T) *rig {
	r := newRig(t)
	for _, each := range [][2]string{{table, tableBody}, {vnet, withTable}} {
		if err := r.s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rig) routes(token string) *armnetwork.RoutesClient {
	r.t.Helper()
	client, err := armnetwork.NewRoutesClient(sub, credential(token), r.options())
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

func (r *rig) table(token string) (armnetwork.RouteTablesClientGetResponse, error) {
	r.t.Helper()
	client, err := armnetwork.NewRouteTablesClient(sub, credential(token), r.options())
	if err != nil {
		r.t.Fatal(err)
	}
	return client.Get(r.t.Context(), "rg-site", "work", nil)
}

// TestRouteTablesOfANetwork: the network names the tables of its subnets, and a
// table its subnets.
func TestRouteTablesOfANetwork(t *testing.T) {
	r := newRoutes(t)
	client, err := armnetwork.NewVirtualNetworksClient(sub, credential(r.admin()), r.options())
	if err != nil {
		t.Fatal(err)
	}
	network, err := client.Get(t.Context(), "rg-site", "vnet", nil)
	if err != nil {
		t.Fatal(err)
	}
	subnets := network.Properties.Subnets
	if len(subnets) != 2 || subnets[0].Properties.RouteTable != nil || !strings.EqualFold(*subnets[1].Properties.RouteTable.ID, table) {
		t.Fatalf("%d subnets, %+v", len(subnets), subnets)
	}
	got, err := r.table(r.admin())
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Properties; len(p.Subnets) != 1 || len(p.Routes) != 2 || *p.Routes[0].Etag != *got.Etag || *p.Routes[0].Properties.NextHopIPAddress != fip {
		t.Fatalf("%+v", p)
	}
}

// TestRouteIfMatch: a write to one route is a write to its table: of two with one
// ETag the second gets 412, whichever routes they are of, and the others stay as
// they are, unknown properties included.
func TestRouteIfMatch(t *testing.T) {
	r := newRoutes(t)
	got, err := r.table(r.admin())
	if err != nil {
		t.Fatal(err)
	}
	ctx := policy.WithHTTPHeader(t.Context(), http.Header{"If-Match": {*got.Properties.Routes[0].Etag}})
	client := r.routes(r.admin())
	put := func(name string) error {
		poller, err := client.BeginCreateOrUpdate(ctx, "rg-site", "work", name, armnetwork.Route{Properties: &armnetwork.RoutePropertiesFormat{
			AddressPrefix: to.Ptr("0.0.0.0/0"), NextHopType: to.Ptr(armnetwork.RouteNextHopTypeVirtualAppliance), NextHopIPAddress: to.Ptr("10.0.0.201")}}, nil)
		if err != nil {
			return err
		}
		_, err = poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: 10 * time.Millisecond})
		return err
	}
	if err := put("all"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put("far"), 412, "PreconditionFailed")
	_, body := r.raw("GET", table, "")
	if !strings.Contains(body, `"future":[1.50]`) || !strings.Contains(body, `"future":"top"`) || strings.Contains(body, "futureInside") {
		t.Errorf("the other route or the table has changed, or the written one is merged: %s", body)
	}
	if again, err := r.table(r.admin()); err != nil || *again.Etag == *got.Etag || *again.Properties.ProvisioningState != armnetwork.ProvisioningStateSucceeded {
		t.Errorf("%v: %+v", err, again.Properties)
	}
	missing := policy.WithHTTPHeader(t.Context(), http.Header{"If-Match": {*got.Etag}})
	_, err = client.BeginCreateOrUpdate(missing, "rg-site", "none", "all", armnetwork.Route{}, nil)
	wantCode(t, err, 404, "ParentResourceNotFound")
}

// TestRouteAuthorization (C4): a reader may read a table and not write its routes;
// without a role it may neither.
func TestRouteAuthorization(t *testing.T) {
	r := newRoutes(t)
	vm := group + "/providers/Microsoft.Compute/virtualMachines/vm"
	if err := r.s.Place(vm, `{"location":"westeurope","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+ident+`":{}}},"properties":{"networkProfile":{"networkInterfaces":[{"id":"`+nicA+`"}]}}}`); err != nil {
		t.Fatal(err)
	}
	token := r.identity(vm)
	write := func() error {
		_, err := r.routes(token).BeginCreateOrUpdate(t.Context(), "rg-site", "work", "all", armnetwork.Route{Properties: &armnetwork.RoutePropertiesFormat{
			AddressPrefix: to.Ptr("0.0.0.0/0"), NextHopType: to.Ptr(armnetwork.RouteNextHopTypeVirtualAppliance), NextHopIPAddress: to.Ptr("10.0.0.201")}}, nil)
		return err
	}
	_, err := r.table(token)
	wantCode(t, err, 403, "AuthorizationFailed")
	for _, step := range []struct {
		actions string
		status  int
	}{{`"Microsoft.Network/routeTables/read"`, 403}, {`"Microsoft.Network/routeTables/read","Microsoft.Network/routeTables/routes/write"`, 0}} {
		r.grant(reader, table, step.actions)
		if _, err := r.table(token); err != nil {
			t.Fatal(err)
		}
		if err := write(); step.status != 0 {
			if answer := wantCode(t, err, step.status, "AuthorizationFailed"); !strings.Contains(answer.Error(), "Microsoft.Network/routeTables/routes/write") {
				t.Errorf("the action is not named in %v", answer)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
