// Package rbac decides whether Azure's role-based access control lets a
// principal do something: role definitions with wildcards and exceptions,
// assigned at a scope and inherited below it.
package rbac

import "strings"

// Definition is what a role permits. Several permission sets are a union; an
// exception (NotActions) subtracts from its own set alone.
type Definition struct {
	Permissions []Permission
}

// Permission is one set of a role definition.
type Permission struct {
	Actions        []string `json:"actions"`
	NotActions     []string `json:"notActions"`
	DataActions    []string `json:"dataActions"`
	NotDataActions []string `json:"notDataActions"`
}

// Assignment gives a role to a principal at a scope and everything below it.
type Assignment struct {
	Principal  string // object id, lower case
	Scope      string // resource id, lower case, without a slash at its end; "" is the root
	Definition Definition
}

// Allows reports whether one of the permission sets lets action pass.
func (d Definition) Allows(action string) bool {
	for _, p := range d.Permissions {
		if matchAny(p.Actions, action) && !matchAny(p.NotActions, action) {
			return true
		}
	}
	return false
}

// AllowsData is Allows for an action on data.
func (d Definition) AllowsData(action string) bool {
	for _, p := range d.Permissions {
		if matchAny(p.DataActions, action) && !matchAny(p.NotDataActions, action) {
			return true
		}
	}
	return false
}

// AllowedData is Allowed for an action on data.
func AllowedData(assignments []Assignment, principal, action, resource string) bool {
	for i := range assignments {
		a := &assignments[i]
		if a.Principal == principal && Covers(a.Scope, resource) && a.Definition.AllowsData(action) {
			return true
		}
	}
	return false
}

// Allowed reports whether principal may do action on the resource (lower-case
// id). Assignments only ever add.
func Allowed(assignments []Assignment, principal, action, resource string) bool {
	for i := range assignments {
		a := &assignments[i]
		if a.Principal == principal && Covers(a.Scope, resource) && a.Definition.Allows(action) {
			return true
		}
	}
	return false
}

// Covers reports whether scope is the resource or an ancestor of it. Both are
// lower case.
func Covers(scope, resource string) bool {
	if !strings.HasPrefix(resource, scope) {
		return false
	}
	return len(resource) == len(scope) || resource[len(scope)] == '/'
}

// Match reports whether a pattern of a role definition ("*" stands for any
// text, slashes too) matches an action, in any case of letters.
func Match(pattern, action string) bool {
	pattern, action = strings.ToLower(pattern), strings.ToLower(action)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == action
	}
	if !strings.HasPrefix(action, parts[0]) {
		return false
	}
	action = action[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(action, part)
		if i < 0 {
			return false
		}
		action = action[i+len(part):]
	}
	return strings.HasSuffix(action, parts[len(parts)-1])
}

func matchAny(patterns []string, action string) bool {
	for _, p := range patterns {
		if Match(p, action) {
			return true
		}
	}
	return false
}
