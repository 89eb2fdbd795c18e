package plan

import (
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// contributor is Azure's built-in role of that name.
const contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"

// needs is what the identity shall be allowed: what moving the floating IP takes
// (D12), and with routes what it takes to change those itself when the floating
// IP is changed.
func needs(f *doctor.Facts, routes bool) []doctor.Need {
	list := doctor.IdentityNeeds(f)
	if !routes {
		return list
	}
	list = append(list, doctor.Need{Scope: f.VNet.ID, Actions: []string{"Microsoft.Network/virtualNetworks/read"}})
	for _, table := range f.RouteTables {
		list = append(list, doctor.Need{Scope: table.ID, Actions: []string{
			"Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/routes/read", "Microsoft.Network/routeTables/routes/write"}})
	}
	return list
}

// roleGUID is that of the custom role, one for each set of groups.
func roleGUID(f *doctor.Facts) string {
	scopes := groups(f)
	slices.SortFunc(scopes, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return derive(append([]string{definitions}, scopes...)...)
}

// roleStep makes the custom role. It is written at the group: at the subscription
// only who has rights there may. Its actions only grow: another site of the same
// groups has the same role and may need what this one doesn't, and who added one by
// hand meant it. An action gives an identity nothing without an assignment on a
// resource of its type, and of those only what is needed stays (needlessSteps).
func roleStep(f *doctor.Facts, needs []doctor.Need) Step {
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
			for _, n := range needs {
				for _, action := range n.Actions {
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

func assignmentID(f *doctor.Facts, scope, role string) string {
	return scope + "/providers/" + assignments + "/" + derive(scope, IdentityID(f), role)
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
			Name: "assign-" + name, ID: assignmentID(f, scope, role),
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
				if is != nil {
					return nil, nil // of an identity of that name that is no more: Azure changes no principal, so it is made anew
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

// needlessSteps take roles off the identity that an earlier run gave it and that this
// one doesn't need: what its NICs refer to no more, routes, Contributor. They are the
// last, when what takes their place has had its time to be known everywhere. A role
// that somebody else assigned has another name, and stays.
func needlessSteps(f *doctor.Facts, others []Step) []Step {
	var steps []Step
	for _, i := range f.Identities {
		if !doctor.SameID(i.ID, IdentityID(f)) {
			continue
		}
		for _, a := range i.Assignments {
			role := a.RoleID[strings.LastIndexByte(a.RoleID, '/')+1:]
			needed := slices.ContainsFunc(others, func(s Step) bool { return doctor.SameID(s.ID, a.ID) })
			if needed || !doctor.SameID(a.ID, assignmentID(f, a.Scope, role)) {
				continue
			}
			steps = append(steps, Step{Name: "needless-" + a.ID[len(a.ID)-12:], ID: a.ID,
				Why: "the identity needs no role on " + a.Scope + " any more (D12)", Change: remove})
		}
	}
	return steps
}
