package doctor

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// identities: each VM has the one user-assigned identity, both the same, and no
// system-assigned one (vendor-system.md (d)): with two, a request that names none
// is refused.
func (e *examination) identities() {
	for i := range e.Members {
		vm := &e.Members[i].VM
		if !vm.Found {
			continue
		}
		if vm.SystemIdentity {
			e.add(Finding{Code: "identity-system", Severity: Warning, What: "the VM has a system-assigned identity", Where: vm.ID,
				Why:      "a token asked for without a client id is its, and it has no role here",
				Remedies: []Remedy{edit(vm.ID, false, "identity/type", typeWithoutSystem(vm))}})
		}
		switch {
		case len(vm.Identities) == 0:
			e.add(Finding{Code: "identity-none", Severity: Error, Setup: true, What: "the VM has no user-assigned identity", Where: vm.ID,
				Why: "it gets no token, so it can't move the floating IP", Remedies: []Remedy{e.assign(vm, e.Members[1-i].VM.Identities)}})
		case len(vm.Identities) > 1:
			f := Finding{Code: "identity-several", Severity: Warning, What: fmt.Sprintf("the VM has %d user-assigned identities", len(vm.Identities)), Where: vm.ID,
				Why: "a token asked for without a client id is refused"}
			for _, id := range vm.Identities {
				if !e.common(id) {
					f.Remedies = append(f.Remedies, Remedy{Request: &Request{Method: "PUT", ID: vm.ID, Edits: []Edit{{Path: []string{"identity", "userAssignedIdentities", id}}}}})
				}
			}
			if f.Remedies == nil {
				f.Remedies = []Remedy{{Person: "take all but the site's own off both VMs: portal, Virtual machines > Security > Identity > User assigned"}}
			}
			e.add(f)
		}
	}
	if e.both() && !e.has("identity-none", "identity-several") && !SameID(e.Members[0].VM.Identities[0], e.Members[1].VM.Identities[0]) {
		vm := &e.Members[1].VM
		remedy := e.assign(vm, e.Members[0].VM.Identities)
		remedy.Request.Edits = append(remedy.Request.Edits, Edit{Path: []string{"identity", "userAssignedIdentities", vm.Identities[0]}})
		e.add(Finding{Code: "identity-differs", Severity: Error, Setup: true, What: "the two VMs have different identities", Where: vm.ID,
			Why: "the roles are one identity's, and the settings of both name it", Remedies: []Remedy{remedy}})
	}
	for i := range e.Identities {
		id := &e.Identities[i]
		if tenant := e.Caller.Subscription.Tenant; id.Tenant != "" && tenant != "" && !strings.EqualFold(id.Tenant, tenant) {
			e.add(Finding{Code: "identity-tenant", Severity: Error, What: fmt.Sprintf("the identity is of tenant %s, the subscription of %s", id.Tenant, tenant), Where: id.ID,
				Why: "Azure refuses its tokens", Remedies: []Remedy{{Person: "make the identity anew in the subscription's tenant (it stayed behind when the subscription moved): delete it, then releve azure ha"}}})
		}
	}
}

func typeWithoutSystem(vm *VM) string {
	if len(vm.Identities) == 0 {
		return "None"
	}
	return "UserAssigned"
}

// assign gives a VM an identity, the other's if it has one.
func (e *examination) assign(vm *VM, of []string) Remedy {
	if len(of) != 1 {
		return Remedy{Person: "run releve azure ha: it makes the identity and assigns it to both VMs"}
	}
	kind := "UserAssigned"
	if vm.SystemIdentity {
		kind = "SystemAssigned, UserAssigned"
	}
	return Remedy{Request: &Request{Method: "PUT", ID: vm.ID, Edits: []Edit{
		{Path: []string{"identity", "type"}, Value: kind},
		{Path: []string{"identity", "userAssignedIdentities", of[0]}, Value: map[string]any{}}}}}
}

// common says that both VMs have an identity.
func (e *examination) common(id string) bool {
	has := func(vm *VM) bool {
		return slices.ContainsFunc(vm.Identities, func(other string) bool { return SameID(other, id) })
	}
	return has(&e.Members[0].VM) && has(&e.Members[1].VM)
}

// everybody is the principal of a deny assignment for all.
const everybody = "00000000-0000-0000-0000-000000000000"

// denies: a deny assignment takes what a role gives; Azure's own services make them,
// a person can't.
func (e *examination) denies() {
	for _, deny := range e.Denies {
		for i := range e.Identities {
			id := &e.Identities[i]
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
}

// Built-in roles that a missing action is given by, where the identity has no
// custom role with it.
const (
	networkContributor = "4d97b98b-1d4f-4787-a291-c67834d212e7"
	reader             = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

// roles is C4: each missing action is named, with its scope.
func (e *examination) roles() {
	for i := range e.Identities {
		id := &e.Identities[i]
		if !id.AssignmentsKnown || !e.common(id.ID) && e.both() {
			continue
		}
		for _, need := range IdentityNeeds(e.Facts) {
			lacking := slices.DeleteFunc(slices.Clone(need.Actions), func(action string) bool { return id.may(action, need.Scope) })
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

// derived is a GUID made from what it stands for, so that doing it twice makes one.
func derived(text string) string {
	h := sha256.Sum256([]byte(text))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562, version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
