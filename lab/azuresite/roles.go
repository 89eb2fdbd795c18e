package azuresite

import (
	"fmt"

	"releve.dev/releve/site"
)

// Ids of the two custom roles.
const (
	moverRole  = "4f1d5b0e-0000-4000-8000-000000000001"
	readerRole = "4f1d5b0e-0000-4000-8000-000000000002"
)

// Roles lists what the vSockets' identity needs, and no more (requirement D12;
// azure.md, least privilege): to read and write the two LAN NICs, to join what
// these refer to, to read the VMs, and to follow operations.
func (l Layout) Roles(principal string) []Resource {
	list := []Resource{
		l.definition(moverRole, "Relève floating IP", []any{
			"Microsoft.Network/networkInterfaces/read",
			"Microsoft.Network/networkInterfaces/write",
			"Microsoft.Network/virtualNetworks/subnets/join/action",
			"Microsoft.Network/networkSecurityGroups/join/action",
			"Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
			"Microsoft.Compute/virtualMachines/read",
			"Microsoft.Compute/virtualMachines/instanceView/read",
		}),
		l.definition(readerRole, "Relève operations", []any{"Microsoft.Network/locations/operations/read"}),
		l.assignment("/subscriptions/"+l.Subscription, readerRole, principal, 0),
	}
	for i, scope := range l.Scopes() {
		list = append(list, l.assignment(scope, moverRole, principal, i+1))
	}
	return list
}

// Scopes are the resources on which the identity has its role.
func (l Layout) Scopes() []string {
	return []string{l.LANNIC(site.Primary), l.LANNIC(site.Secondary), l.subnet(LAN), l.nsg(LAN), l.asg(),
		l.VMID(VM(site.Primary)), l.VMID(VM(site.Secondary))}
}

// Assignments are the ids of the role assignments: taking them away takes the
// role away.
func (l Layout) Assignments() []string {
	var ids []string
	for i, scope := range l.Scopes() {
		ids = append(ids, assignmentID(scope, i+1))
	}
	return ids
}

// owner is Azure's built-in role of that name.
const owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

// Owners lists what makes somebody Owner of the two resource groups and of nothing
// else, as who sets a site up is (D10).
func (l Layout) Owners(principal string) []Resource {
	var list []Resource
	for i, name := range []string{SiteGroup, NetworkGroup} {
		list = append(list, l.assignment(l.group(name), owner, principal, 101+i))
	}
	return list
}

func (l Layout) definitionID(guid string) string {
	return "/subscriptions/" + l.Subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + guid
}

func (l Layout) definition(guid, name string, actions []any) Resource {
	return resource(l.definitionID(guid), object{"properties": object{"roleName": name, "type": "CustomRole",
		"permissions":      []any{object{"actions": actions, "notActions": []any{}}},
		"assignableScopes": []any{l.group(SiteGroup), l.group(NetworkGroup), "/subscriptions/" + l.Subscription}}})
}

func (l Layout) assignment(scope, role, principal string, n int) Resource {
	return resource(assignmentID(scope, n), object{"properties": object{"roleDefinitionId": l.definitionID(role),
		"principalId": principal, "principalType": "ServicePrincipal"}})
}

func assignmentID(scope string, n int) string {
	return fmt.Sprintf("%s/providers/Microsoft.Authorization/roleAssignments/4f1d5b0e-0000-4000-9000-%012d", scope, n)
}
