package plan

import (
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// contributor is Azure's built-in role of that name.
const contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"

// Grant is what the identity may do at one scope.
type Grant struct {
	Scope   string
	Actions []string
}

// Least is what moving the floating IP needs, and no more (D12; azure.md, least
// privilege): to read and write both LAN NICs, to join what these refer to, as
// Azure checks each reference of a PUT, and to see whether the other VM runs.
// Routes, with routes, are for a change of the floating IP alone.
func Least(f *doctor.Facts, routes bool) []Grant {
	var list []Grant
	add := func(scope string, actions ...string) {
		at := slices.IndexFunc(list, func(g Grant) bool { return doctor.SameID(g.Scope, scope) })
		if at < 0 {
			at, list = len(list), append(list, Grant{Scope: scope})
		}
		for _, action := range actions {
			if !slices.Contains(list[at].Actions, action) {
				list[at].Actions = append(list[at].Actions, action)
			}
		}
	}
	for _, m := range f.Members {
		if m.LAN == nil {
			continue
		}
		add(m.LAN.ID, "Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/write")
		joins(m.LAN, add)
	}
	for _, m := range f.Members {
		add(m.VM.ID, "Microsoft.Compute/virtualMachines/read", "Microsoft.Compute/virtualMachines/instanceView/read")
	}
	if routes {
		add(f.VNet.ID, "Microsoft.Network/virtualNetworks/read")
		for _, table := range f.RouteTables {
			add(table.ID, "Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/routes/read", "Microsoft.Network/routeTables/routes/write")
		}
	}
	return list
}

// joins tells what a NIC refers to.
func joins(nic *doctor.NIC, add func(scope string, actions ...string)) {
	each := func(scopes []string, action string) {
		for _, scope := range scopes {
			if scope != "" {
				add(scope, "Microsoft.Network/"+action)
			}
		}
	}
	each([]string{nic.NSG}, "networkSecurityGroups/join/action")
	for _, c := range nic.Configs {
		each([]string{c.Subnet}, "virtualNetworks/subnets/join/action")
		if c.Public != nil {
			each([]string{c.Public.ID}, "publicIPAddresses/join/action")
		}
		each(c.ASGs, "applicationSecurityGroups/joinIpConfiguration/action")
		each(c.Pools, "loadBalancers/backendAddressPools/join/action")
		each(c.NATRules, "loadBalancers/inboundNatRules/join/action")
	}
}

// roleGUID is that of the custom role, one for each set of groups.
func roleGUID(f *doctor.Facts) string {
	scopes := groups(f)
	slices.SortFunc(scopes, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return derive(append([]string{definitions}, scopes...)...)
}

// roleStep makes the custom role. It is written at the group: at the subscription
// only who has rights there may. Actions that are in it stay, since another site
// of the same groups may need them.
func roleStep(f *doctor.Facts, grants []Grant) Step {
	guid, scopes := roleGUID(f), groups(f)
	return Step{
		Name: "role", ID: scopes[0] + "/providers/" + definitions + "/" + guid,
		Why: "a role that may move the floating IP, and nothing else (D12)",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			shall := is.Clone()
			var actions []string
			if shall == nil {
				shall = document.Document{"properties": map[string]any{}}
				shall.Set("Relève floating IP "+guid[:8], "properties", "roleName")
				shall.Set("CustomRole", "properties", "type")
				shall.Set("Move the floating IP between the two vSockets of a site", "properties", "description")
				shall.Set(scopes, "properties", "assignableScopes")
			}
			if list := shall.Objects("properties", "permissions"); len(list) > 0 {
				actions = list[0].Texts("actions")
			}
			before := len(actions)
			for _, g := range grants {
				for _, action := range g.Actions {
					if !slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, action) }) {
						actions = append(actions, action)
					}
				}
			}
			if len(actions) > before {
				shall.Set([]any{map[string]any{"actions": texts(actions), "notActions": []any{}, "dataActions": []any{}, "notDataActions": []any{}}}, "properties", "permissions")
			}
			return shall, nil
		},
	}
}

func texts(list []string) []any {
	values := make([]any, len(list))
	for i, text := range list {
		values[i] = text
	}
	return values
}

// assignmentSteps give the identity a role at each scope.
func assignmentSteps(f *doctor.Facts, role string, scopes []string) []Step {
	definition := "/subscriptions/" + f.Wanted.Subscription + "/providers/" + definitions + "/" + role
	var steps []Step
	for _, scope := range scopes {
		id, err := document.ParseID(scope)
		name := scope
		if err == nil {
			name = id.Name()
		}
		steps = append(steps, Step{
			Name: "assign-" + name, ID: scope + "/providers/" + assignments + "/" + derive(scope, IdentityID(f), role),
			Why: "the identity has the role on " + name,
			Change: func(is document.Document, k *Known) (document.Document, error) {
				if is != nil && k.PrincipalID == "" {
					return is, nil // a plan after the fact reads the identity first
				}
				if k.PrincipalID == "" {
					return nil, ErrUnknown
				}
				if is != nil && strings.EqualFold(is.Text("properties", "principalId"), k.PrincipalID) {
					return is, nil
				}
				shall := document.Document{}
				shall.Set(definition, "properties", "roleDefinitionId")
				shall.Set(k.PrincipalID, "properties", "principalId")
				shall.Set("ServicePrincipal", "properties", "principalType") // else Azure looks for one that it may not have yet
				return shall, nil
			},
		})
	}
	return steps
}
