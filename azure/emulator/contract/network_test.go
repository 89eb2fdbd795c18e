package contract

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v9"
)

const (
	record  = group + "/providers/Microsoft.Compute/virtualMachines/record"
	address = group + "/providers/Microsoft.Network/publicIPAddresses/mgmt"
)

// TestNetworkOfDeploy: addresses with zones, what holds at a NIC of a running
// VM, and whether an address is free.
func TestNetworkOfDeploy(t *testing.T) {
	r := newRoutes(t)
	for _, each := range [][2]string{
		{address, `{"location":"westeurope","zones":["1","2","3"],"sku":{"name":"Standard"},"properties":{"publicIPAllocationMethod":"Static"}}`},
		{record, `{"location":"westeurope","zones":["1"],"properties":{"networkProfile":{"networkInterfaces":[{"id":"` + nicA + `"}]}}}`},
	} {
		if err := r.s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	factory, err := armnetwork.NewClientFactory(sub, credential(r.admin()), r.options())
	if err != nil {
		t.Fatal(err)
	}
	public, err := factory.NewPublicIPAddressesClient().Get(t.Context(), "rg-site", "mgmt", nil)
	if err != nil || len(public.Zones) != 3 || *public.SKU.Name != armnetwork.PublicIPAddressSKUNameStandard || *public.Properties.IPAddress == "" {
		t.Fatalf("address %+v %v", public, err)
	}
	looking, err := factory.NewInterfacesClient().BeginGetEffectiveRouteTable(t.Context(), "rg-site", "a", nil)
	routes := settled(t, looking, err)
	if len(routes.Value) == 0 || *routes.Value[0].Source != armnetwork.EffectiveRouteSourceDefault || *routes.Value[0].State != armnetwork.EffectiveRouteStateActive {
		t.Fatalf("routes %+v", routes.Value)
	}
	asking, err := factory.NewInterfacesClient().BeginListEffectiveNetworkSecurityGroups(t.Context(), "rg-site", "a", nil)
	groups := settled(t, asking, err)
	if len(groups.Value) != 1 || *groups.Value[0].NetworkSecurityGroup.ID != nsg || *groups.Value[0].EffectiveSecurityRules[0].Protocol != armnetwork.EffectiveSecurityRuleProtocolAll {
		t.Fatalf("groups %+v", groups.Value)
	}
	free, err := factory.NewVirtualNetworksClient().CheckIPAddressAvailability(t.Context(), "rg-site", "vnet", fip, nil)
	if err != nil || *free.Available || len(free.AvailableIPAddresses) == 0 {
		t.Fatalf("availability %+v %v", free, err)
	}
	security, err := factory.NewSecurityGroupsClient().NewListPager("rg-site", nil).NextPage(t.Context())
	if err != nil || len(security.Value) != 1 || len(security.Value[0].Properties.DefaultSecurityRules) != 6 {
		t.Fatalf("security groups %+v %v", security.Value, err)
	}
}
