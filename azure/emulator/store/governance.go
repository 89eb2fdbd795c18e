package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/rbac"
	"releve.dev/releve/azure/emulator/tree"
)

// Deny assignments and Privileged Identity Management: who may be more than
// role assignments say, and who less.

var (
	denyKind        = new(kind)
	eligibilityKind = new(kind)
	activeKind      = new(kind)
	activationKind  = new(kind)
)

func init() {
	renew := func(s *Store, _ *resource) { s.regrant() }
	register(denyKind, kind{name: "Microsoft.Authorization/denyAssignments", serve: serveScoped, accept: acceptScoped, derive: deriveAssignment,
		readOnly: []string{"scope"}, stored: renew, gone: renew})
	register(eligibilityKind, kind{name: "Microsoft.Authorization/roleEligibilityScheduleInstances", serve: serveScoped, accept: acceptScoped,
		derive: deriveInstance, readOnly: []string{"scope"}})
	register(activeKind, kind{name: "Microsoft.Authorization/roleAssignmentScheduleInstances", serve: serveActive})
	register(activationKind, kind{name: "Microsoft.Authorization/roleAssignmentScheduleRequests", serve: serveActivation, accept: acceptScoped,
		derive: deriveAssignment, readOnly: []string{"scope"}})
}

func acceptScoped(s *Store, w *write) *Error {
	if e := s.checkScope(w.target); e != nil {
		return e
	}
	_, e := ensureProperties(w)
	return e
}

func deriveInstance(s *Store, r *resource, properties tree.Object) {
	deriveAssignment(s, r, properties)
	setDefault(properties, "status", "Provisioned")
	setDefault(properties, "memberType", "Direct")
	role := s.definition(definitionName(r.doc))
	if role == nil {
		return
	}
	properties["expandedProperties"] = tree.Object{
		"principal":      tree.Object{"id": tree.Text(properties, "principalId"), "type": "User"},
		"roleDefinition": tree.Object{"id": role.id, "displayName": tree.Text(role.doc, "properties", "roleName"), "type": tree.Text(role.doc, "properties", "type")},
		"scope":          tree.Object{"id": tree.Text(properties, "scope")},
	}
}

// serveScoped lists what applies at a scope; who makes it is the emulator's
// operator, by Place.
func serveScoped(s *Store, c *call) Response {
	switch {
	case c.direct && c.Method == http.MethodPut:
		return s.put(c)
	case c.Principal.Admin && c.Method == http.MethodDelete && c.target.shape == shapeResource:
		return s.delete(c)
	case c.Method != http.MethodGet:
		return methodNotAllowed(c)
	case c.target.shape == shapeResource:
		return s.get(c)
	}
	return listResponse(s.atScope(c, c.kind))
}

// atScope are a kind's resources at, above or (unless the filter says atScope())
// below a scope; of one principal, if it asks for that.
func (s *Store) atScope(c *call, k *kind) (items []any) {
	filter := strings.ToLower(c.target.filter)
	for _, r := range s.sorted {
		if r.kind != k {
			continue
		}
		scope := scopeOf(r.key)
		if !rbac.Covers(scope, c.target.scope) && (strings.Contains(filter, "atscope()") || !rbac.Covers(c.target.scope, scope)) {
			continue
		}
		principal := tree.Text(r.doc, "properties", "principalId")
		if strings.Contains(filter, "astarget()") && !strings.EqualFold(principal, c.Principal.ObjectID) || !ofPrincipal(c.target.filter, principal) {
			continue
		}
		items = append(items, s.viewOf(r))
	}
	return items
}

// ofPrincipal reports whether a filter's principalId, if it has one, is this.
func ofPrincipal(filter, principal string) bool {
	for _, term := range filterTerm.FindAllStringSubmatch(filter, -1) {
		if strings.EqualFold(term[1], "principalId") && !strings.EqualFold(term[2], principal) {
			return false
		}
	}
	return true
}

// serveActive shows role assignments as PIM does.
func serveActive(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	var items []any
	for _, item := range s.atScope(c, assignmentKind) {
		o, ok := item.(tree.Object)
		if !ok {
			continue
		}
		id := tree.Text(o, "id")
		properties := tree.Shallow(tree.Sub(o, "properties"))
		r := s.byKey[strings.ToLower(id)]
		deriveInstance(s, r, properties)
		properties["assignmentType"] = "Assigned"
		if r.extra["activated"] != "" {
			properties["assignmentType"] = "Activated"
		}
		properties["originRoleAssignmentId"] = id
		items = append(items, tree.Object{"id": strings.Replace(id, assignmentKind.name, activeKind.name, 1), "name": r.name, "type": activeKind.name, "properties": properties})
	}
	return listResponse(items)
}

// serveActivation is "Role Assignment Schedule Requests - Create": who is
// eligible makes a role active, without anybody's approval here.
func serveActivation(s *Store, c *call) Response {
	if c.target.shape != shapeResource || c.Method != http.MethodPut {
		return methodNotAllowed(c)
	}
	body, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	if kind := tree.Text(body, "properties", "requestType"); kind != "SelfActivate" {
		return bad("InvalidRequestType", "The emulator knows SelfActivate only, not '%s'.", kind).response()
	}
	role := definitionName(body)
	for _, r := range s.sorted {
		if r.kind != eligibilityKind || !rbac.Covers(scopeOf(r.key), c.target.scope) || !strings.EqualFold(definitionName(r.doc), role) ||
			!strings.EqualFold(tree.Text(r.doc, "properties", "principalId"), c.Principal.ObjectID) {
			continue
		}
		answer := s.put(c)
		if answer.Status < http.StatusMultipleChoices {
			s.activate(c, role)
		}
		return answer
	}
	return bad("RoleAssignmentRequestPolicyValidationFailed", "The following policy rules failed: [\"EligibilityRule\"]").response()
}

// activate makes the role assignment that an activation stands for.
func (s *Store) activate(c *call, role string) {
	id := upTo(c.target.id, strings.Count(c.target.scope, "/")) + "/providers/" + assignmentKind.name + "/" + c.target.name
	s.add(&resource{kind: assignmentKind, id: id, key: strings.ToLower(id), name: c.target.name, extra: map[string]string{"activated": "true"},
		doc: tree.Object{"properties": tree.Object{"principalId": c.Principal.ObjectID, "principalType": "User",
			"roleDefinitionId": "/subscriptions/" + s.opt.Subscription + "/providers/" + definitionKind.name + "/" + role}}})
	s.changed()
	s.regrant()
}

// denial is a deny assignment in force.
type denial struct {
	name, id, scope string
	definition      rbac.Definition
	principals      []string // empty: all
	except          []string
}

// everybody is how deny assignments name all principals.
const everybody = "00000000-0000-0000-0000-000000000000"

func (s *Store) denials() (out []denial) {
	for _, r := range s.sorted {
		if r.kind != denyKind {
			continue
		}
		d := denial{name: tree.Text(r.doc, "properties", "denyAssignmentName"), id: r.name, scope: scopeOf(r.key), definition: permissionsOf(r.doc)}
		for _, p := range tree.Objects(r.doc, "properties", "principals") {
			if id := tree.Text(p, "id"); id != everybody {
				d.principals = append(d.principals, id)
			}
		}
		for _, p := range tree.Objects(r.doc, "properties", "excludePrincipals") {
			d.except = append(d.except, tree.Text(p, "id"))
		}
		out = append(out, d)
	}
	return out
}

// deniedBy is the deny assignment that keeps a principal from an action that
// its roles allow.
func (s *Store) deniedBy(p Principal, action, scope string) *denial {
	for i := range s.denies {
		d := &s.denies[i]
		if rbac.Covers(d.scope, scope) && d.definition.Allows(action) && (d.principals == nil || hasFold(d.principals, p.ObjectID)) && !hasFold(d.except, p.ObjectID) {
			return d
		}
	}
	return nil
}

func hasFold(list []string, text string) bool {
	for _, each := range list {
		if strings.EqualFold(each, text) {
			return true
		}
	}
	return false
}

// unauthorized is why a principal may not do something that it may not.
func (s *Store) unauthorized(p Principal, action, scope string) *Error {
	key := strings.ToLower(scope)
	d := s.deniedBy(p, action, key)
	if d == nil || !rbac.Allowed(s.grants, strings.ToLower(p.ObjectID), action, key) {
		return authorizationFailed(p, action, scope)
	}
	e := authorizationFailed(p, action, scope)
	e.Code = "DenyAssignmentAuthorizationFailed"
	e.Message = "The client '" + p.ClientID + "' with object id '" + p.ObjectID + "' has permission to perform action '" + action + "' on scope '" + scope +
		"'; however, the access is denied because of the deny assignment with name '" + d.name + "' and Id '" + strings.ReplaceAll(d.id, "-", "") + "' at scope '" + d.scope + "'."
	return e
}

// allowedBelow reports whether a principal may do something to anything in a
// scope: ARM filters a list by that, and refuses it only to those who see nothing.
func (s *Store) allowedBelow(p Principal, action, scope string) bool {
	for _, g := range s.grants {
		if g.Principal == strings.ToLower(p.ObjectID) && rbac.Covers(scope, g.Scope) && g.Definition.Allows(action) {
			return true
		}
	}
	return false
}
