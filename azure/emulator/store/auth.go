package store

import (
	"net/http"
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/rbac"
	"releve.dev/releve/azure/emulator/tree"
)

type decision struct{ principal, action, scope string }

// maxDecisions bounds the cache of decisions.
const maxDecisions = 4096

// allowed asks RBAC, and the faults that take permissions away.
func (s *Store) allowed(p Principal, action, scope string) bool {
	if p.Admin {
		return true
	}
	if s.denied(p, action, scope) {
		return false
	}
	d := decision{strings.ToLower(p.ObjectID), action, scope}
	if yes, known := s.decisions[d]; known {
		return yes
	}
	if len(s.decisions) >= maxDecisions {
		clear(s.decisions)
	}
	yes := rbac.Allowed(s.grants, d.principal, action, scope) && s.deniedBy(p, action, scope) == nil
	s.decisions[d] = yes
	return yes
}

// authorize refuses what the caller may not do. What ARM shows to anybody (the
// own subscriptions, the own permissions) is left out, and so is polling,
// unless the switch says otherwise.
func (s *Store) authorize(c *call) *Error {
	switch c.kind {
	case subscriptionKind, tenantKind, permissionsKind, resourcesKind, locationsKind, providersKind:
		return nil
	case activationKind:
		return nil // eligibility decides
	case eligibilityKind, activeKind:
		if strings.Contains(strings.ToLower(c.target.filter), "astarget()") {
			return nil // one's own
		}
	case networkOperationKind, networkResultKind, computeOperationKind, computeResultKind:
		if !s.opt.Switches.PollNeedsRead {
			return nil
		}
		scope := "/subscriptions/" + strings.ToLower(s.opt.Subscription)
		if !s.allowed(c.Principal, c.action, scope) {
			return authorizationFailed(c.Principal, c.action, "/subscriptions/"+s.opt.Subscription)
		}
		return nil
	}
	id, key := c.target.id, c.target.key
	if c.target.shape == shapeCollection {
		if i := strings.LastIndex(key, "/providers/"); i >= 0 {
			id, key = upTo(id, strings.Count(key[:i], "/")), key[:i]
		}
	}
	if s.allowed(c.Principal, c.action, key) {
		return nil
	}
	if c.target.shape == shapeCollection && c.Method == http.MethodGet && c.kind.tracked && s.allowedBelow(c.Principal, c.action, key) {
		return nil
	}
	return s.unauthorized(c.Principal, c.action, id)
}

// upTo is an id before its slash number n, counted from 0: letters may take more
// or fewer bytes in lower case, so a place in the key is none in the id.
func upTo(id string, n int) string {
	for i := range len(id) {
		if id[i] != '/' {
			continue
		}
		if n == 0 {
			return id[:i]
		}
		n--
	}
	return id
}

// linked refuses a body that refers to what the caller may not join.
func (s *Store) linked(w *write) *Error {
	if w.kind.links == nil || w.call.Principal.Admin {
		return nil
	}
	var before []link
	if w.old != nil && s.opt.Switches.LinkedChangedOnly {
		before = w.kind.links(w.old.doc)
	}
	for _, l := range w.kind.links(w.doc) {
		if slices.ContainsFunc(before, func(b link) bool { return b.action == l.action && strings.EqualFold(b.id, l.id) }) {
			continue
		}
		if !s.allowed(w.call.Principal, l.action, strings.ToLower(l.id)) {
			return linkedAuthorizationFailed(w.call.Principal, w.kind.name+"/write", w.id, l.action, l.id)
		}
	}
	return nil
}

// mayRead reports whether the caller may read a resource.
func (s *Store) mayRead(c *call, r *resource) bool {
	return s.allowed(c.Principal, actionType(r.kind)+"/read", r.key)
}

func actionType(k *kind) string {
	if name := actionTypes[k]; name != "" {
		return name
	}
	return k.name
}

var permissionsKind = new(kind)

func init() {
	register(permissionsKind, kind{name: "Microsoft.Authorization/permissions", serve: servePermissions})
}

// servePermissions lists the caller's own permissions at a scope ("Permissions
// - List For Resource").
func servePermissions(s *Store, c *call) Response {
	if c.Method != "GET" {
		return methodNotAllowed(c)
	}
	var sets []rbac.Permission
	if c.Principal.Admin {
		sets = rbac.Builtins[0].Definition.Permissions
	}
	for _, a := range s.grants {
		if a.Principal == strings.ToLower(c.Principal.ObjectID) && rbac.Covers(a.Scope, c.target.scope) {
			sets = append(sets, a.Definition.Permissions...)
		}
	}
	var items []any
	for _, p := range sets {
		items = append(items, tree.Object{"actions": list(p.Actions), "notActions": list(p.NotActions),
			"dataActions": list(p.DataActions), "notDataActions": list(p.NotDataActions)})
	}
	return listResponse(items)
}

func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}
