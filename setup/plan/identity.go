package plan

import (
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// identityStep makes the identity that both VMs move the floating IP as (D5).
func identityStep(f *doctor.Facts) Step {
	return Step{
		Name: "identity", ID: IdentityID(f), Why: "the identity that both vSockets ask Azure as (D5)",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is != nil {
				return is, nil
			}
			shall := document.Document{"location": f.Members[0].VM.Location}
			shall.Set(SiteOf(f), "tags", TagSite)
			return shall, nil
		},
		Learn: learnIdentity,
	}
}

func learnIdentity(is document.Document, k *Known) {
	k.PrincipalID, k.ClientID = is.Text("properties", "principalId"), is.Text("properties", "clientId")
}

// giveIdentity assigns it to a VM, beside those that the VM has.
func giveIdentity(f *doctor.Facts, m *doctor.Member) Step {
	return Step{
		Name: "identity-" + m.Side.String(), ID: m.VM.ID, Why: "the " + m.Side.String() + " has the identity (D5)",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			shall := is.Clone()
			if shall == nil {
				return nil, gone(m.VM.ID)
			}
			shall.Set(SiteOf(f), "tags", TagSite)
			assigned := assignedTo(shall)
			if _, has := find(assigned, IdentityID(f)); !has {
				assigned[IdentityID(f)] = map[string]any{}
			}
			setIdentity(shall, assigned)
			return shall, nil
		},
	}
}

// takeIdentity takes it off a VM again, and the tags with it.
func takeIdentity(f *doctor.Facts, m *doctor.Member) Step {
	return Step{
		Name: "identity-" + m.Side.String(), ID: m.VM.ID, Why: "the " + m.Side.String() + " doesn't have the identity any more",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is == nil || !mine(is, SiteOf(f)) {
				return is, nil
			}
			shall := is.Clone()
			untag(shall, TagSite, TagRestarted)
			assigned := assignedTo(shall)
			if name, has := find(assigned, IdentityID(f)); has {
				delete(assigned, name)
				setIdentity(shall, assigned)
			}
			return shall, nil
		},
	}
}

// assignedTo are a VM's user-assigned identities.
func assignedTo(vm document.Document) map[string]any {
	assigned := map[string]any{}
	for id, is := range vm.Object("identity", "userAssignedIdentities") {
		assigned[id] = is
	}
	return assigned
}

// setIdentity leaves a VM that has none with type None: a PUT that says nothing
// of identities takes none away.
func setIdentity(vm document.Document, assigned map[string]any) {
	system := strings.Contains(vm.Text("identity", "type"), "SystemAssigned")
	if len(assigned) == len(vm.Object("identity", "userAssignedIdentities")) {
		return // as it was: they are added or taken one by one
	}
	kind := "None"
	switch {
	case system && len(assigned) > 0:
		kind = "SystemAssigned, UserAssigned"
	case system:
		kind = "SystemAssigned"
	case len(assigned) > 0:
		kind = "UserAssigned"
	}
	vm.Set(kind, "identity", "type")
	vm.Delete("identity", "userAssignedIdentities")
	if len(assigned) > 0 {
		vm.Set(assigned, "identity", "userAssignedIdentities")
	}
}

func find(assigned map[string]any, id string) (name string, found bool) {
	for name := range assigned {
		if doctor.SameID(name, id) {
			return name, true
		}
	}
	return "", false
}
