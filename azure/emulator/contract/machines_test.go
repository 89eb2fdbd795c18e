package contract

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v8"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"

	"releve.dev/releve/azure/emulator/store"
)

// What deploy and ha make, besides the network's part.
const (
	machine = group + "/providers/Microsoft.Compute/virtualMachines/vsocket"
	image   = group + "/providers/Microsoft.Compute/images/vsocket"
	members = group + "/providers/Microsoft.Compute/availabilitySets/site"
	role    = group + "/providers/Microsoft.Authorization/roleDefinitions/11111111-2222-3333-4444-777777777777"
	given   = nicA + "/providers/Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-888888888888"
	vhds    = group + "/providers/Microsoft.Storage/storageAccounts/images"
)

// newMachines is a rig with an image and an availability set, whose guests the
// test plays.
func newMachines(t *testing.T) (*rig, <-chan store.MachineEvent) {
	r := newRig(t)
	for _, each := range [][2]string{
		{vhds, `{"location":"westeurope"}`},
		{vhds + "/blobServices/default/containers/vhds", `{}`},
		{vhds + "/blobServices/default/containers/vhds/blobs/vsocket.vhd", `{}`},
		{image, `{"location":"westeurope","properties":{"storageProfile":{"osDisk":{"osType":"Linux","osState":"Generalized","blobUri":"https://images.blob.core.windows.net/vhds/vsocket.vhd"}}}}`},
		{members, `{"location":"westeurope","sku":{"name":"Aligned"},"properties":{"platformFaultDomainCount":2,"platformUpdateDomainCount":2}}`},
		{role, `{"properties":{"roleName":"releve","assignableScopes":["` + group + `"],"permissions":[{"actions":["Microsoft.Network/networkInterfaces/read"]}]}}`},
	} {
		if err := r.s.Place(each[0], each[1]); err != nil {
			t.Fatal(err)
		}
	}
	events := make(chan store.MachineEvent, 16)
	r.s.OnMachine(func(e store.MachineEvent) { events <- e })
	return r, events
}

// settled follows an operation to its end.
func settled[T any](t *testing.T, poller *runtime.Poller[T], err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	done, err := poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (r *rig) machines() *armcompute.ClientFactory {
	r.t.Helper()
	factory, err := armcompute.NewClientFactory(sub, credential(r.admin()), r.options())
	if err != nil {
		r.t.Fatal(err)
	}
	return factory
}

func vsocket() armcompute.VirtualMachine {
	return armcompute.VirtualMachine{
		Location: to.Ptr("westeurope"), Tags: map[string]*string{"releve-site": to.Ptr("one")},
		Identity: &armcompute.VirtualMachineIdentity{Type: to.Ptr(armcompute.ResourceIdentityTypeUserAssigned),
			UserAssignedIdentities: map[string]*armcompute.UserAssignedIdentitiesValue{ident: {}}},
		Properties: &armcompute.VirtualMachineProperties{
			AvailabilitySet: &armcompute.SubResource{ID: to.Ptr(members)},
			HardwareProfile: &armcompute.HardwareProfile{VMSize: to.Ptr(armcompute.VirtualMachineSizeTypes("Standard_D8s_v5"))},
			StorageProfile: &armcompute.StorageProfile{ImageReference: &armcompute.ImageReference{ID: to.Ptr(image)},
				OSDisk: &armcompute.OSDisk{CreateOption: to.Ptr(armcompute.DiskCreateOptionTypesFromImage)}},
			OSProfile: &armcompute.OSProfile{ComputerName: to.Ptr("vsocket"), AdminUsername: to.Ptr("ops"), AdminPassword: to.Ptr("not shown"),
				CustomData: to.Ptr("I2Nsb3VkLWNvbmZpZwo=")},
			NetworkProfile: &armcompute.NetworkProfile{NetworkInterfaces: []*armcompute.NetworkInterfaceReference{{ID: to.Ptr(nicA)}}},
		},
	}
}

// TestMachineThroughSDK: the typed SDK makes a VM and an extension, and reads
// what deploy and ha make.
func TestMachineThroughSDK(t *testing.T) {
	r, events := newMachines(t)
	vms := r.machines().NewVirtualMachinesClient()
	poller, err := vms.BeginCreateOrUpdate(t.Context(), "rg-site", "vsocket", vsocket(), nil)
	if boot := <-events; boot.Kind != store.MachineBoot || string(boot.VM.CustomData) != "#cloud-config\n" {
		t.Fatalf("event %+v", boot)
	}
	r.s.Booted(machine)
	made := settled(t, poller, err)
	if made.Properties.OSProfile.CustomData != nil || *made.Properties.ProvisioningState != "Succeeded" || *made.Identity.UserAssignedIdentities[ident].PrincipalID == "" {
		t.Fatalf("VM %+v", made.Properties)
	}
	extensions := r.machines().NewVirtualMachineExtensionsClient()
	extending, err := extensions.BeginCreateOrUpdate(t.Context(), "rg-site", "vsocket", "releve-ha", armcompute.VirtualMachineExtension{
		Location: to.Ptr("westeurope"), Properties: &armcompute.VirtualMachineExtensionProperties{
			Publisher: to.Ptr("Microsoft.Azure.Extensions"), Type: to.Ptr("CustomScript"), TypeHandlerVersion: to.Ptr("2.1"),
			Settings: map[string]any{"timestamp": 1}, ProtectedSettings: map[string]any{"commandToExecute": "true"},
		}}, nil)
	run := <-events
	r.s.ScriptDone(run.Script.Operation, 0, "merged\n", "")
	settled(t, extending, err)
	r.readMachine(vms, extensions)
	r.restartMachine(vms, events)
	r.readRoles()
	r.readKinds()
}

func (r *rig) readMachine(vms *armcompute.VirtualMachinesClient, extensions *armcompute.VirtualMachineExtensionsClient) {
	t := r.t
	t.Helper()
	view, err := vms.InstanceView(t.Context(), "rg-site", "vsocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	if agent := view.VMAgent; *agent.Statuses[0].DisplayStatus != "Ready" || len(agent.ExtensionHandlers) != 1 || len(view.Disks) != 1 {
		t.Fatalf("instance view %+v", view)
	}
	list, err := extensions.List(t.Context(), "rg-site", "vsocket", nil)
	if err != nil || len(list.Value) != 1 || list.Value[0].Properties.ProtectedSettings != nil {
		t.Fatalf("extensions %+v %v", list.Value, err)
	}
	extension, err := extensions.Get(t.Context(), "rg-site", "vsocket", "releve-ha", &armcompute.VirtualMachineExtensionsClientGetOptions{Expand: to.Ptr("instanceView")})
	if err != nil {
		t.Fatal(err)
	}
	if message := *extension.Properties.InstanceView.Statuses[0].Message; message != "Enable succeeded: \n[stdout]\nmerged\n\n[stderr]\n" {
		t.Fatalf("message %q", message)
	}
}

func (r *rig) restartMachine(vms *armcompute.VirtualMachinesClient, events <-chan store.MachineEvent) {
	t := r.t
	t.Helper()
	restarting, err := vms.BeginRestart(t.Context(), "rg-site", "vsocket", nil)
	if e := <-events; e.Kind != store.MachineRestart {
		t.Fatalf("event %+v", e)
	}
	r.s.Booted(machine)
	settled(t, restarting, err)
	running, err := vms.BeginRunCommand(t.Context(), "rg-site", "vsocket", armcompute.RunCommandInput{CommandID: to.Ptr("RunShellScript"), Script: []*string{to.Ptr("id")}}, nil)
	run := <-events
	r.s.ScriptDone(run.Script.Operation, 0, "root\n", "")
	if result := settled(t, running, err); len(result.Value) != 1 || !strings.Contains(*result.Value[0].Message, "root") {
		t.Fatalf("result %+v", result)
	}
}

func (r *rig) readRoles() {
	t := r.t
	t.Helper()
	identities, err := armmsi.NewUserAssignedIdentitiesClient(sub, credential(r.admin()), r.options())
	if err != nil {
		t.Fatal(err)
	}
	identity, err := identities.Get(t.Context(), "rg-site", "releve", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.s.Place(given, `{"properties":{"roleDefinitionId":"`+role+`","principalId":"`+*identity.Properties.PrincipalID+`"}}`); err != nil {
		t.Fatal(err)
	}
	assignments, err := armauthorization.NewRoleAssignmentsClient(sub, credential(r.admin()), r.options())
	if err != nil {
		t.Fatal(err)
	}
	// This filter the SDK sends as it is.
	page, err := assignments.NewListForResourceGroupPager("rg-site", &armauthorization.RoleAssignmentsClientListForResourceGroupOptions{
		Filter: to.Ptr(url.QueryEscape("principalId eq '" + *identity.Properties.PrincipalID + "'"))}).NextPage(t.Context())
	if err != nil || len(page.Value) != 1 || *page.Value[0].Properties.Scope != nicA {
		t.Fatalf("assignments %+v %v", page.Value, err)
	}
	definitions, err := armauthorization.NewRoleDefinitionsClient(credential(r.admin()), r.options())
	if err != nil {
		t.Fatal(err)
	}
	definition, err := definitions.GetByID(t.Context(), *page.Value[0].Properties.RoleDefinitionID, nil)
	if err != nil || *definition.Properties.RoleName != "releve" || *definition.Properties.Permissions[0].Actions[0] != "Microsoft.Network/networkInterfaces/read" {
		t.Fatalf("definition %+v %v", definition.Properties, err)
	}
}

// readKinds lists what is left: images, sets, disks, sizes.
func (r *rig) readKinds() {
	t := r.t
	t.Helper()
	factory := r.machines()
	images, err := factory.NewImagesClient().NewListByResourceGroupPager("rg-site", nil).NextPage(t.Context())
	if err != nil || len(images.Value) != 1 || *images.Value[0].Properties.StorageProfile.OSDisk.OSState != armcompute.OperatingSystemStateTypesGeneralized {
		t.Fatalf("images %+v %v", images.Value, err)
	}
	set, err := factory.NewAvailabilitySetsClient().Get(t.Context(), "rg-site", "site", nil)
	if err != nil || len(set.Properties.VirtualMachines) != 1 || *set.Properties.PlatformFaultDomainCount != 2 {
		t.Fatalf("set %+v %v", set.Properties, err)
	}
	disks, err := factory.NewDisksClient().NewListByResourceGroupPager("rg-site", nil).NextPage(t.Context())
	if err != nil || len(disks.Value) != 1 || *disks.Value[0].ManagedBy != machine {
		t.Fatalf("disks %+v %v", disks.Value, err)
	}
	sizes, err := factory.NewResourceSKUsClient().NewListPager(&armcompute.ResourceSKUsClientListOptions{Filter: to.Ptr("location eq 'westeurope'")}).NextPage(t.Context())
	if err != nil || len(sizes.Value) == 0 || *sizes.Value[0].ResourceType != "virtualMachines" {
		t.Fatalf("sizes %+v %v", sizes.Value, err)
	}
	vms, err := factory.NewVirtualMachinesClient().NewListPager("rg-site", nil).NextPage(t.Context())
	if err != nil || len(vms.Value) != 1 {
		t.Fatalf("VMs %+v %v", vms.Value, err)
	}
}

// TestExtensionErrorThroughSDK: a script that fails is the poller's error.
func TestExtensionErrorThroughSDK(t *testing.T) {
	r, events := newMachines(t)
	poller, err := r.machines().NewVirtualMachinesClient().BeginCreateOrUpdate(t.Context(), "rg-site", "vsocket", vsocket(), nil)
	<-events
	r.s.Booted(machine)
	settled(t, poller, err)
	extending, err := r.machines().NewVirtualMachineExtensionsClient().BeginCreateOrUpdate(t.Context(), "rg-site", "vsocket", "releve-ha", armcompute.VirtualMachineExtension{
		Location: to.Ptr("westeurope"), Properties: &armcompute.VirtualMachineExtensionProperties{
			Publisher: to.Ptr("Microsoft.Azure.Extensions"), Type: to.Ptr("CustomScript"), TypeHandlerVersion: to.Ptr("2.1"),
			ProtectedSettings: map[string]any{"commandToExecute": "false"},
		}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	run := <-events
	r.s.ScriptDone(run.Script.Operation, 1, "", "no")
	_, err = extending.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.ErrorCode != "VMExtensionProvisioningError" || refused.StatusCode != http.StatusOK {
		t.Fatalf("error %v", err)
	}
}
