package store

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"releve.dev/releve/azure/emulator/rbac"
	"releve.dev/releve/azure/emulator/tree"
)

var definitionKind = new(kind)

func init() {
	register(definitionKind, kind{
		name: "Microsoft.Authorization/roleDefinitions", serve: serveDefinitions,
		accept: acceptDefinition,
		stored: func(s *Store, _ *resource) { s.regrant() },
		gone:   func(s *Store, _ *resource) { s.regrant() },
		inUse: func(s *Store, r *resource) *Error {
			for _, a := range s.sorted {
				if a.kind == assignmentKind && strings.EqualFold(definitionName(a.doc), r.name) {
					return bad("RoleDefinitionHasAssignments", "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).")
				}
			}
			return nil
		},
	})
}

var assignmentKind = new(kind)

func init() {
	register(assignmentKind, kind{
		name: "Microsoft.Authorization/roleAssignments", serve: serveAssignments,
		accept: acceptAssignment, derive: deriveAssignment,
		readOnly: []string{"scope"},
		stored:   func(s *Store, _ *resource) { s.regrant() },
		gone:     func(s *Store, _ *resource) { s.regrant() },
	})
}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// addBuiltins puts Azure's own roles there.
func (s *Store) addBuiltins() {
	for _, b := range rbac.Builtins {
		id := "/subscriptions/" + s.opt.Subscription + "/providers/" + definitionKind.name + "/" + b.ID
		p := b.Definition.Permissions[0]
		s.add(&resource{kind: definitionKind, id: id, key: strings.ToLower(id), name: b.ID, doc: tree.Object{"properties": tree.Object{
			"roleName": b.Name, "type": "BuiltInRole", "description": b.Description, "assignableScopes": []any{"/"},
			"permissions": []any{tree.Object{"actions": list(p.Actions), "notActions": list(p.NotActions), "dataActions": list(p.DataActions), "notDataActions": list(p.NotDataActions)}},
		}}})
	}
}

// serveDefinitions keeps role definitions in one place: they are the
// subscription's, whichever scope they are asked for at.
func serveDefinitions(s *Store, c *call) Response {
	if c.target.shape != shapeResource {
		return s.listDefinitions(c)
	}
	t := *c.target
	t.id = "/subscriptions/" + s.opt.Subscription + "/providers/" + definitionKind.name + "/" + t.name
	t.key, t.group = strings.ToLower(t.id), ""
	c.target = &t
	r := s.byKey[t.key]
	if r != nil && c.Method == http.MethodDelete {
		if e := s.mayDefine(c.Principal, tree.Texts(r.doc, "properties", "assignableScopes"), c.action); e != nil {
			return e.response()
		}
	}
	if r != nil && c.Method != http.MethodGet && tree.Text(r.doc, "properties", "type") == "BuiltInRole" {
		return (&Error{Status: http.StatusForbidden, Code: "BuiltInRoleChangeNotPermitted", Message: "A built-in role can't be changed."}).response()
	}
	return s.plain(c)
}

// plain is the generic way of a kind that serves itself otherwise.
func (s *Store) plain(c *call) Response {
	switch c.Method {
	case http.MethodGet:
		return s.get(c)
	case http.MethodPut:
		answer := s.put(c)
		if answer.Status == http.StatusOK {
			answer.Status = http.StatusCreated
		}
		return answer
	case http.MethodDelete:
		return s.delete(c)
	}
	return methodNotAllowed(c)
}

var filterTerm = regexp.MustCompile(`(?i)(roleName|principalId|type)\s+eq\s+'([^']*)'`)

func (s *Store) listDefinitions(c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	var items []any
	for _, r := range s.sorted {
		if r.kind != definitionKind {
			continue
		}
		keep := true
		for _, term := range filterTerm.FindAllStringSubmatch(c.target.filter, -1) {
			keep = keep && (!strings.EqualFold(term[1], "roleName") || strings.EqualFold(tree.Text(r.doc, "properties", "roleName"), term[2]))
			keep = keep && (!strings.EqualFold(term[1], "type") || strings.EqualFold(tree.Text(r.doc, "properties", "type"), term[2]))
		}
		if keep {
			items = append(items, s.viewOf(r))
		}
	}
	return listResponse(items)
}

func acceptDefinition(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	if !guidForm.MatchString(w.target.name) {
		return bad("RoleDefinitionIdInvalid", "The role definition ID '%s' is not valid. The role definition ID must be a GUID.", w.target.name)
	}
	if tree.Text(properties, "roleName") == "" || len(tree.Objects(properties, "permissions")) == 0 {
		return bad("InvalidRoleDefinition", "A role definition needs a roleName and permissions.")
	}
	if len(tree.Texts(properties, "assignableScopes")) == 0 {
		return bad("MissingAssignableScopes", "A role definition needs at least one assignable scope.")
	}
	scopes := tree.Texts(properties, "assignableScopes")
	if w.old != nil {
		scopes = append(scopes, tree.Texts(w.old.doc, "properties", "assignableScopes")...)
	}
	if e := s.mayDefine(w.call.Principal, scopes, w.call.action); e != nil {
		return e
	}
	for _, r := range s.sorted {
		if r.kind == definitionKind && r.key != w.key && strings.EqualFold(tree.Text(r.doc, "properties", "roleName"), tree.Text(properties, "roleName")) {
			return conflict("RoleDefinitionWithSameNameExists", "A custom role with the same name already exists in this directory. Use a different name.")
		}
	}
	properties["type"] = "CustomRole"
	return nil
}

// mayDefine: who writes or deletes a role needs that right at each scope that
// it can be assigned at ("Azure custom roles", who can create, delete, update).
func (s *Store) mayDefine(p Principal, scopes []string, action string) *Error {
	for _, scope := range scopes {
		if !s.allowed(p, action, strings.TrimSuffix(strings.ToLower(scope), "/")) {
			return authorizationFailed(p, action, scope)
		}
	}
	return nil
}

func serveAssignments(s *Store, c *call) Response {
	if c.target.shape == shapeResource {
		return s.plain(c)
	}
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	return listResponse(s.atScope(c, assignmentKind))
}

func acceptAssignment(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	if !guidForm.MatchString(w.target.name) {
		return bad("InvalidRoleAssignmentId", "The role assignment ID '%s' is not valid. The role assignment ID must be a GUID.", w.target.name)
	}
	if e := s.checkScope(w.target); e != nil {
		return e
	}
	principal, definition := tree.Text(properties, "principalId"), definitionName(w.doc)
	if principal == "" {
		return bad("InvalidRequestContent", "The request content was invalid: principalId is missing.")
	}
	if properties["principalType"] == nil && !w.call.direct && !s.knows(principal) {
		return bad("PrincipalNotFound", "Principal %s does not exist in the directory %s. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
			strings.ReplaceAll(principal, "-", ""), s.opt.Tenant)
	}
	if s.definition(definition) == nil {
		return bad("RoleDefinitionDoesNotExist", "The specified role definition with ID '%s' does not exist.", strings.ReplaceAll(definition, "-", ""))
	}
	for _, r := range s.sorted {
		if r.kind != assignmentKind || scopeOf(r.key) != w.target.scope {
			continue
		}
		same := strings.EqualFold(tree.Text(r.doc, "properties", "principalId"), principal) && strings.EqualFold(definitionName(r.doc), definition)
		if r.key == w.key && !same {
			return conflict("RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")
		}
		if r.key != w.key && same {
			return conflict("RoleAssignmentExists", "The role assignment already exists. The ID of the conflicting role assignment is %s.", strings.ReplaceAll(r.name, "-", ""))
		}
	}
	if properties["principalType"] == nil {
		properties["principalType"] = "ServicePrincipal"
	}
	return nil
}

// checkScope: a role is assigned at something that is there.
func (s *Store) checkScope(t *target) *Error {
	subscription := "/subscriptions/" + strings.ToLower(s.opt.Subscription)
	if t.scope == "" || t.scope == subscription || s.byKey[t.scope] != nil || s.subnet(t.scope) != nil {
		return nil
	}
	return notFound("ResourceNotFound", "The resource '%s' was not found.", t.scope)
}

func deriveAssignment(_ *Store, r *resource, properties tree.Object) {
	scope := r.id[:len(scopeOf(r.key))]
	if scope == "" {
		scope = "/"
	}
	properties["scope"] = scope
}

// scopeOf is what an extension resource is on.
func scopeOf(key string) string { return key[:strings.LastIndex(key, "/providers/")] }

// definitionName is the GUID at the end of an assignment's roleDefinitionId.
func definitionName(doc tree.Object) string {
	id := tree.Text(doc, "properties", "roleDefinitionId")
	return id[strings.LastIndexByte(id, '/')+1:]
}

func (s *Store) definition(name string) *resource {
	return s.byKey[strings.ToLower("/subscriptions/"+s.opt.Subscription+"/providers/"+definitionKind.name+"/"+name)]
}

// regrant makes the list that decisions rest on anew.
func (s *Store) regrant() {
	s.grants = nil
	clear(s.decisions)
	s.denies = s.denials()
	for _, r := range s.sorted {
		if r.kind != assignmentKind {
			continue
		}
		d := s.definition(definitionName(r.doc))
		if d == nil {
			continue
		}
		s.grants = append(s.grants, rbac.Assignment{
			Principal:  strings.ToLower(tree.Text(r.doc, "properties", "principalId")),
			Scope:      scopeOf(r.key),
			Definition: permissionsOf(d.doc),
		})
	}
}

// permissionsOf reads what a role, or a deny assignment, is about.
func permissionsOf(doc tree.Object) rbac.Definition {
	var form struct {
		Permissions []rbac.Permission `json:"permissions"`
	}
	if json.Unmarshal(tree.Render(tree.Sub(doc, "properties")), &form) != nil {
		return rbac.Definition{}
	}
	return rbac.Definition{Permissions: form.Permissions}
}
