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

// derived is a GUID made from what it stands for, so that doing it twice makes one.
func derived(text string) string {
	h := sha256.Sum256([]byte(text))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562, version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
