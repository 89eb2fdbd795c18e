package survey

import (
	"strings"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// identities are those of both VMs, with the roles that each has on the site's
// groups and what is in them.
func (s *survey) identities() {
	known := map[string]bool{}
	for i := range s.facts.Members {
		for _, id := range s.facts.Members[i].VM.Identities {
			if known[strings.ToLower(id)] {
				continue
			}
			known[strings.ToLower(id)] = true
			identity := doctor.Identity{ID: id}
			if d := s.get("the identity", id); d != nil {
				identity.Found = true
				identity.PrincipalID, identity.ClientID = d.Text("properties", "principalId"), d.Text("properties", "clientId")
				identity.Tenant = d.Text("properties", "tenantId")
				s.assignments(&identity)
			}
			s.facts.Identities = append(s.facts.Identities, identity)
		}
	}
}

// assignments lists them group by group: an owner of a group need not be able to
// read the subscription's. What is assigned above the group is in the answer.
func (s *survey) assignments(identity *doctor.Identity) {
	seen := map[string]bool{}
	for _, group := range s.groups() {
		list, err := s.List(s.ctx, group+"/providers/Microsoft.Authorization/roleAssignments?$filter=principalId%20eq%20'"+identity.PrincipalID+"'")
		if err != nil {
			s.unseen("the identity's roles", group, err)
			return
		}
		for _, d := range list {
			if key := strings.ToLower(d.Text("id")); !seen[key] {
				seen[key] = true
				identity.Assignments = append(identity.Assignments, s.assignment(group, d))
			}
		}
	}
	identity.AssignmentsKnown = true
}

// assignment reads the role where the caller surely may: at the group.
func (s *survey) assignment(group string, d document.Document) doctor.Assignment {
	a := doctor.Assignment{ID: d.Text("id"), Scope: d.Text("properties", "scope"), RoleID: d.Text("properties", "roleDefinitionId")}
	role := s.get("the role", group+"/providers/Microsoft.Authorization/roleDefinitions/"+a.RoleID[strings.LastIndexByte(a.RoleID, '/')+1:])
	if role == nil {
		return a
	}
	a.Name = role.Text("properties", "roleName")
	a.Rights = permissions(role)
	return a
}

// permissions are those of a role, or of a deny assignment.
func permissions(d document.Document) arm.Permissions {
	var all arm.Permissions
	for _, p := range d.Objects("properties", "permissions") {
		all = append(all, arm.Permission{Actions: p.Texts("actions"), NotActions: p.Texts("notActions")})
	}
	return all
}
