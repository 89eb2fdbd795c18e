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
				s.born[w.extra["principalId"]] = s.now
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

// AddPrincipal makes somebody known who signs in otherwise than as a VM's
// identity, so that roles can be assigned to them.
func (s *Store) AddPrincipal(objectID string) { s.principals[strings.ToLower(objectID)] = true }

// knows reports whether the directory has a principal, and has told everywhere
// of it: a new one takes a while.
func (s *Store) knows(principal string) bool {
	if s.principals[strings.ToLower(principal)] {
		return true
	}
	for _, r := range s.sorted {
		if r.kind == identityKind && strings.EqualFold(r.extra["principalId"], principal) {
			born, fresh := s.born[r.extra["principalId"]]
			return !fresh || s.now >= born+s.opt.Switches.PrincipalDelay
		}
		if r.kind == vmKind && strings.EqualFold(r.extra["vmId"], principal) {
			return true
		}
	}
	return false
}
