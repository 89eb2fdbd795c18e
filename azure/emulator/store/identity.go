package store

import (
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

var identityKind = new(kind)

func init() {
	register(identityKind, kind{
		name: "Microsoft.ManagedIdentity/userAssignedIdentities", tracked: true,
		readOnly: []string{"principalId", "clientId", "tenantId"},
		accept: func(s *Store, w *write) *Error {
			if w.extra["principalId"] == "" {
				w.extra["principalId"], w.extra["clientId"] = s.guid(), s.guid()
			}
			_, e := ensureProperties(w)
			return e
		},
		derive: func(s *Store, r *resource, properties tree.Object) {
			delete(properties, "provisioningState")
			properties["principalId"], properties["clientId"] = r.extra["principalId"], r.extra["clientId"]
			properties["tenantId"] = s.opt.Tenant
		},
	})
}

// Identity is a user-assigned identity.
type Identity struct {
	ID, Name              string
	PrincipalID, ClientID string
}

// Identities are those assigned to a VM, by id. ok is false if there is no
// such VM.
func (s *Store) Identities(vmID string) (list []Identity, ok bool) {
	r := s.byKey[strings.ToLower(vmID)]
	if r == nil || r.kind != vmKind {
		return nil, false
	}
	for _, key := range r.form.(*vmForm).identities {
		if i := s.byKey[key]; i != nil && i.kind == identityKind {
			list = append(list, Identity{i.id, i.name, i.extra["principalId"], i.extra["clientId"]})
		}
	}
	return list, true
}

// identityIDs are the ids of a body's user-assigned identities, in order.
func identityIDs(doc tree.Object) []string {
	assigned := tree.Sub(doc, "identity", "userAssignedIdentities")
	ids := make([]string, 0, len(assigned))
	for id := range assigned {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
