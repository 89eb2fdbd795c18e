package store

import (
	"slices"
	"strings"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// kind is all that tells one type of resource from another. A type that is in
// no table is kept as it comes: PUT, GET, LIST, DELETE and PATCH of tags.
type kind struct {
	name    string // "Microsoft.Network/networkInterfaces"
	class   profile.Class
	etag    bool
	tracked bool   // has a location and lives in a resource group
	putName string // what Azure calls the operation of a PUT

	readOnly []string // names inside properties that are derived, not written

	accept func(*Store, *write) *Error                          // completes and checks w.doc
	derive func(*Store, *resource, tree.Object)                 // adds what is derived to a copy of properties
	outer  func(*Store, *resource, tree.Object)                 // the same for the resource's own members
	parse  func(*Store, *resource, tree.Object) any             // doc as the data plane needs it
	links  func(doc tree.Object) []link                         // what the body refers to, and what that needs
	stored func(*Store, *resource)                              // after a write was accepted
	begun  func(*Store, *call, *resource, *operation)           // before the first step of its operation
	patch  func(*Store, *call, *resource) (tree.Object, *Error) // what a PATCH makes of it, if more than tags can be patched
	expand func(*Store, *resource, string) tree.Object          // a GET with $expand, nil if that shows no more
	inUse  func(*Store, *resource) *Error                       // why it can't be deleted
	gone   func(*Store, *resource)                              // after it is
	serve  func(*Store, *call) Response                         // takes requests over entirely
	posts  map[string]func(*Store, *call, *resource) Response
	inside *inside // lives in a list of its parent
}

// inside says where a child lives that is a part of its parent's body.
type inside struct {
	parent   string // kind of the parent
	list     string // member of the parent's properties
	readOnly bool   // can't be written by itself
}

// link is one reference of a body and the action that it needs there.
type link struct{ action, id string }

var kinds = map[string]*kind{}

// register fills a kind in. The variables are declared empty, because the
// functions in them refer to one another's kinds.
func register(k *kind, is kind) {
	*k = is
	kinds[strings.ToLower(k.name)] = k
}

// kind finds a target's kind; unknown types of Microsoft's namespaces get one
// that keeps what it is given.
func (s *Store) kind(t *target) (*kind, *Error) {
	if k := kinds[t.typKey]; k != nil {
		return k, nil
	}
	namespace, _, _ := strings.Cut(t.typ, "/")
	if !strings.HasPrefix(t.typKey, "microsoft.") {
		return nil, notFound("InvalidResourceNamespace", "The resource namespace '%s' is invalid.", namespace)
	}
	return &kind{name: t.typ}, nil
}

// kindNames lists the known kinds by name.
func kindNames() []string {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, k.name)
	}
	slices.Sort(names)
	return names
}

// commonReadOnly are read-only names that every resource has inside properties.
var commonReadOnly = []string{"provisioningState", "resourceGuid"}
