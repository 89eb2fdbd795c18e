package store

import (
	"net/http"
	"regexp"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

var (
	subscriptionKind = new(kind)
	tenantKind       = new(kind)
	groupKind        = new(kind)
	resourcesKind    = new(kind)
	locationsKind    = new(kind)
	providersKind    = new(kind)
)

func init() {
	register(subscriptionKind, kind{name: "Microsoft.Resources/subscriptions", serve: serveSubscription})
	register(tenantKind, kind{name: "Microsoft.Resources/tenants", serve: serveTenants})
	register(groupKind, kind{name: "Microsoft.Resources/resourceGroups", tracked: true, accept: acceptGroup})
	register(resourcesKind, kind{name: "Microsoft.Resources/resources", serve: serveResources})
	register(locationsKind, kind{name: "Microsoft.Resources/locations", serve: serveLocations})
	register(providersKind, kind{name: "Microsoft.Resources/providers", serve: serveProviders})
}

// actionTypes are the kinds that RBAC knows by another name.
var actionTypes = map[*kind]string{
	subscriptionKind: "Microsoft.Resources/subscriptions",
	groupKind:        "Microsoft.Resources/subscriptions/resourceGroups",
	resourcesKind:    "Microsoft.Resources/subscriptions/resources",
	locationsKind:    "Microsoft.Resources/subscriptions/locations",
	providersKind:    "Microsoft.Resources/subscriptions/providers",
}

func acceptGroup(_ *Store, w *write) *Error {
	if len(w.target.name) > 90 || strings.HasSuffix(w.target.name, ".") {
		return bad("InvalidResourceGroup", "The provided resource group name '%s' is not valid.", w.target.name)
	}
	_, e := ensureProperties(w)
	return e
}

func (s *Store) subscriptionObject() tree.Object {
	id := "/subscriptions/" + s.opt.Subscription
	return tree.Object{
		"id": id, "subscriptionId": s.opt.Subscription, "tenantId": s.opt.Tenant, "displayName": "emulated",
		"state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": []any{},
		"subscriptionPolicies": tree.Object{"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
	}
}

func serveSubscription(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	if c.target.shape == shapeCollection {
		if !c.Principal.Admin && !s.known(c.Principal) {
			return listResponse(nil)
		}
		return listResponse([]any{s.subscriptionObject()})
	}
	return Response{Status: http.StatusOK, Body: tree.Render(s.subscriptionObject())}
}

// known reports whether a principal has any role here: ARM lists only
// subscriptions in which one has.
func (s *Store) known(p Principal) bool {
	for _, g := range s.grants {
		if g.Principal == strings.ToLower(p.ObjectID) {
			return true
		}
	}
	return false
}

func serveTenants(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	return listResponse([]any{tree.Object{"id": "/tenants/" + s.opt.Tenant, "tenantId": s.opt.Tenant, "displayName": "emulated", "tenantCategory": "Home"}})
}

// unlisted are the kinds that no list of resources has.
var unlisted = map[*kind]bool{groupKind: true, definitionKind: true, assignmentKind: true, blobServiceKind: true, containerKind: true, blobKind: true,
	denyKind: true, eligibilityKind: true, activationKind: true}

// serveResources lists what is in a subscription or a group, as far as the
// caller may read it.
func serveResources(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	if c.target.group != "" && s.group(c.target) == nil {
		return s.missing(c.target).response()
	}
	var items []any
	for _, r := range s.under(c.target.key) {
		if !s.selected(r, c.target.filter) {
			continue
		}
		if unlisted[r.kind] || !s.mayRead(c, r) {
			continue
		}
		item := tree.Object{}
		for _, name := range []string{"id", "name", "type", "location", "tags", "zones", "identity", "kind"} {
			if v := s.viewOf(r)[name]; v != nil {
				item[name] = v
			}
		}
		if i := strings.LastIndex(r.id, "/providers/"); strings.Count(r.id[i:], "/") > 4 { // nested: "vm/extension"
			item["name"] = lastOf(parentOf(r.id)) + "/" + r.name
		}
		items = append(items, item)
	}
	return listResponse(items)
}

func lastOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// selection is one term of a list's filter ("Resources - List", $filter).
var selection = regexp.MustCompile(`(?i)(tagName|tagValue|resourceType|resourceGroup|location|name)\s+eq\s+'([^']*)'`)

// selected reports whether a resource is one that a filter asks for.
func (s *Store) selected(r *resource, filter string) bool {
	if filter == "" {
		return true
	}
	tag := ""
	for _, term := range selection.FindAllStringSubmatch(filter, -1) {
		yes, value := true, term[2]
		switch strings.ToLower(term[1]) {
		case "tagname":
			tag = value
			_, yes = tagOf(r, tag)
		case "tagvalue":
			var got string
			got, yes = tagOf(r, tag)
			yes = yes && got == value
		case "resourcetype":
			yes = strings.EqualFold(r.kind.name, value)
		case "resourcegroup":
			yes = strings.Contains(r.key, "/resourcegroups/"+strings.ToLower(value)+"/")
		case "location":
			yes = normalLocation(tree.Text(r.doc, "location")) == normalLocation(value)
		case "name":
			yes = strings.EqualFold(r.name, value)
		}
		if !yes {
			return false
		}
	}
	return true
}

// tagOf finds a tag; names of tags have no case.
func tagOf(r *resource, name string) (string, bool) {
	for tag, value := range tree.Sub(r.doc, "tags") {
		if text, ok := value.(string); ok && strings.EqualFold(tag, name) {
			return text, true
		}
	}
	return "", false
}

func serveLocations(s *Store, c *call) Response {
	if c.Method != http.MethodGet {
		return methodNotAllowed(c)
	}
	return listResponse([]any{tree.Object{
		"id": "/subscriptions/" + s.opt.Subscription + "/locations/" + s.opt.Location, "name": s.opt.Location,
		"displayName": s.opt.Location, "type": "Region",
	}})
}

// serveProviders says of each resource provider that it is registered.
func serveProviders(s *Store, c *call) Response {
	provider := func(namespace string) tree.Object {
		var types []any
		for _, name := range kindNames() {
			if ns, typ, _ := strings.Cut(name, "/"); strings.EqualFold(ns, namespace) {
				types = append(types, tree.Object{"resourceType": typ, "locations": []any{s.opt.Location}, "apiVersions": []any{"2024-05-01"}})
			}
		}
		if types == nil {
			types = []any{}
		}
		return tree.Object{"id": "/subscriptions/" + s.opt.Subscription + "/providers/" + namespace, "namespace": namespace,
			"registrationState": "Registered", "registrationPolicy": "RegistrationRequired", "resourceTypes": types}
	}
	if c.target.shape == shapeResource {
		return Response{Status: http.StatusOK, Body: tree.Render(provider(c.target.name))}
	}
	var items []any
	for _, namespace := range []string{"Microsoft.Authorization", "Microsoft.Compute", "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.Resources"} {
		items = append(items, provider(namespace))
	}
	return listResponse(items)
}
