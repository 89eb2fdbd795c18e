package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// everybody is the principal of a deny assignment for all.
const everybody = "00000000-0000-0000-0000-000000000000"

// denies: a deny assignment takes what a role gives; Azure's own services make them,
// a person can't.
func (e *examination) denies() {
	id := e.own()
	if id == nil {
		return
	}
	for _, deny := range e.Denies {
		hit := slices.ContainsFunc(deny.Principals, func(p string) bool { return p == everybody || strings.EqualFold(p, id.PrincipalID) })
		spared := slices.ContainsFunc(deny.Except, func(p string) bool { return strings.EqualFold(p, id.PrincipalID) })
		if !hit || spared || deny.Rights == nil {
			continue
		}
		for _, need := range IdentityNeeds(e.Facts) {
			denied := slices.DeleteFunc(slices.Clone(need.Actions), func(action string) bool { return !deny.Rights.Allows(action) })
			if len(denied) > 0 && covers(deny.Scope, need.Scope) {
				e.add(Finding{Code: "denied", Severity: Error, What: fmt.Sprintf("the deny assignment %q keeps the identity from %s", deny.Name, strings.Join(denied, ", ")), Where: need.Scope,
					Why: "no role helps against it", Remedies: []Remedy{{Person: "have who made it (a managed application, a deployment stack) except the identity, or take it away: " + deny.ID}}})
				break
			}
		}
	}
}

// own is the identity that moves the floating IP: the one that the guests' settings
// name, else of those that both VMs have the one that lacks least.
func (e *examination) own() *Identity {
	var best *Identity
	least := 0
	for i := range e.Identities {
		id := &e.Identities[i]
		if !e.common(id.ID) && e.both() {
			continue
		}
		for _, g := range e.Guests {
			if g != nil && g.Config.ClientID != "" && strings.EqualFold(g.Config.ClientID, id.ClientID) {
				return id
			}
		}
		lacks := 0
		for _, need := range IdentityNeeds(e.Facts) {
			lacks += len(id.lacks(need))
		}
		if best == nil || lacks < least {
			best, least = id, lacks
		}
	}
	return best
}

// lacks are the actions of a need that the identity's roles don't give.
func (i *Identity) lacks(need Need) []string {
	return slices.DeleteFunc(slices.Clone(need.Actions), func(action string) bool { return i.may(action, need.Scope) })
}

// Built-in roles that a missing action is given by, where the identity has no
// custom role with it.
const (
	networkContributor = "4d97b98b-1d4f-4787-a291-c67834d212e7"
	reader             = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

// roles is C4: each missing action is named, with its scope.
func (e *examination) roles() {
	id := e.own()
	if id == nil || !id.AssignmentsKnown {
		return
	}
	for _, need := range IdentityNeeds(e.Facts) {
		lacking := id.lacks(need)
		unread := slices.ContainsFunc(id.Assignments, func(a Assignment) bool { return a.Rights == nil && covers(a.Scope, need.Scope) })
		if len(lacking) == 0 || unread { // what couldn't be read is told already
			continue
		}
		f := Finding{Code: "role-missing", Severity: Error, Setup: true, What: "the identity may not do " + strings.Join(lacking, ", "), Where: need.Scope,
			Why: "Azure refuses the move of the floating IP", Remedies: []Remedy{e.grant(id, need.Scope, lacking)}}
		if need.Helps {
			f.Severity, f.Why = Warning, "a vSocket can't see that the other's VM is stopped, and takes over later"
		}
		e.add(f)
	}
}

// grant assigns a role with what is missing: one that the identity has elsewhere
// if there is such, else a built-in one.
func (e *examination) grant(id *Identity, scope string, actions []string) Remedy {
	role := "/subscriptions/" + e.Wanted.Subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + networkContributor
	if strings.HasPrefix(actions[0], "Microsoft.Compute/") {
		role = strings.Replace(role, networkContributor, reader, 1)
	}
	for _, a := range id.Assignments {
		if a.Rights != nil && !slices.ContainsFunc(actions, func(action string) bool { return !a.Rights.Allows(action) }) {
			role = a.RoleID
			break
		}
	}
	name := derived(strings.ToLower(scope + "|" + role + "|" + id.PrincipalID))
	return Remedy{Safe: true, Request: &Request{Method: "PUT", ID: scope + "/providers/Microsoft.Authorization/roleAssignments/" + name,
		Body: map[string]any{"properties": map[string]any{"roleDefinitionId": role, "principalId": id.PrincipalID, "principalType": "ServicePrincipal"}}}}
}
