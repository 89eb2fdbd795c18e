package doctor

import (
	"slices"
	"strings"
)

// Need is what somebody must be allowed at one scope.
type Need struct {
	Scope   string
	Actions []string
	Helps   bool // HA works without it, less well
}

// CallerNeeds is what a person needs on the resource groups to set the site up
// (D10: Owner has it, Contributor hasn't).
func CallerNeeds(w Wanted) []Need {
	roles := []string{"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleDefinitions/write"}
	needs := []Need{{Scope: groupID(w.Subscription, w.Group), Actions: append(slices.Clone(roles),
		"Microsoft.Compute/virtualMachines/write", "Microsoft.Compute/virtualMachines/restart/action",
		"Microsoft.Compute/virtualMachines/extensions/write", "Microsoft.ManagedIdentity/userAssignedIdentities/write",
		"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Microsoft.Network/networkInterfaces/write")}}
	network := append(slices.Clone(roles), "Microsoft.Network/virtualNetworks/read", "Microsoft.Network/virtualNetworks/subnets/join/action")
	if w.NetworkGroup == "" || strings.EqualFold(w.NetworkGroup, w.Group) {
		needs[0].Actions = append(needs[0].Actions, network[len(roles):]...)
		return needs
	}
	return append(needs, Need{Scope: groupID(w.Subscription, w.NetworkGroup), Actions: network})
}

// IdentityNeeds is the least that moving the floating IP takes: both LAN NICs,
// and joining whatever these refer to, since ARM checks the references of a PUT
// (azure.md, least privilege; D12).
func IdentityNeeds(f *Facts) []Need {
	var needs []Need
	add := func(scope string, actions ...string) {
		known := slices.ContainsFunc(needs, func(n Need) bool { return SameID(n.Scope, scope) })
		if scope != "" && !known {
			needs = append(needs, Need{Scope: scope, Actions: actions})
		}
	}
	for i := range f.Members {
		if n := f.Members[i].LAN; n != nil {
			add(n.ID, "Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/write")
		}
	}
	for i := range f.Members {
		if n := f.Members[i].LAN; n != nil {
			n.joins(add)
		}
	}
	for i := range f.Members {
		if vm := f.Members[i].VM; vm.Found {
			add(vm.ID, "Microsoft.Compute/virtualMachines/read", "Microsoft.Compute/virtualMachines/instanceView/read")
			needs[len(needs)-1].Helps = true
		}
	}
	return needs
}

func (n *NIC) joins(add func(scope string, actions ...string)) {
	each := func(ids []string, action string) {
		for _, id := range ids {
			add(id, action)
		}
	}
	add(n.NSG, "Microsoft.Network/networkSecurityGroups/join/action")
	for _, c := range n.Configs {
		add(c.Subnet, "Microsoft.Network/virtualNetworks/subnets/join/action")
		if c.Public != nil {
			add(c.Public.ID, "Microsoft.Network/publicIPAddresses/join/action")
		}
		each(c.ASGs, "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action")
		each(c.Pools, "Microsoft.Network/loadBalancers/backendAddressPools/join/action")
		each(c.NATRules, "Microsoft.Network/loadBalancers/inboundNatRules/join/action")
	}
}

func groupID(subscription, group string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + group
}

// covers says that an assignment's scope holds at another.
func covers(scope, at string) bool {
	scope, at = strings.ToLower(strings.TrimSuffix(scope, "/")), strings.ToLower(at)
	return at == scope || strings.HasPrefix(at, scope+"/")
}

// may says that the roles allow an action at a scope.
func (i *Identity) may(action, scope string) bool {
	return slices.ContainsFunc(i.Assignments, func(r Assignment) bool {
		return covers(r.Scope, scope) && r.Rights != nil && r.Rights.Allows(action)
	})
}
