package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

// serveInside answers for children that are a part of their parent's body:
// subnets, rules, routes, ipConfigurations. A write to one is a write to the
// parent, with the parent's ETag and operation.
func (s *Store) serveInside(c *call) Response {
	in := c.kind.inside
	parentID := c.target.parentID
	if c.target.shape != shapeResource {
		parentID = c.target.id
		if i := strings.LastIndexByte(parentID, '/'); c.target.shape == shapeAction && strings.EqualFold(parentID[i+1:], in.list) {
			parentID = parentID[:i]
		}
	}
	parent := s.byKey[strings.ToLower(parentID)]
	if parent == nil || !strings.EqualFold(parent.kind.name, in.parent) {
		return notFound("ParentResourceNotFound",
			"Failed to perform '%s' on resource(s) of type '%s', because the parent resource '%s' could not be found.",
			strings.ToLower(c.Method), c.kind.name, parentID).response()
	}
	switch {
	case c.target.shape != shapeResource && c.Method == http.MethodGet:
		var items []any
		for _, item := range tree.Objects(s.viewOf(parent), "properties", in.list) {
			items = append(items, item)
		}
		return listResponse(items)
	case c.target.shape != shapeResource:
		return methodNotAllowed(c)
	case c.Method == http.MethodGet:
		return s.showItem(c, parent, http.StatusOK)
	case in.readOnly:
		return methodNotAllowed(c)
	case c.Method == http.MethodPut:
		return s.putItem(c, parent)
	case c.Method == http.MethodDelete:
		return s.deleteItem(c, parent)
	}
	return methodNotAllowed(c)
}

func (s *Store) showItem(c *call, parent *resource, status int) Response {
	for _, item := range tree.Objects(s.viewOf(parent), "properties", c.kind.inside.list) {
		if strings.EqualFold(tree.Text(item, "name"), c.target.name) {
			return Response{Status: status, Body: tree.Render(item), ETag: parent.etag}
		}
	}
	return notFound("NotFound", "Resource %s not found.", c.target.id).response()
}

func (s *Store) putItem(c *call, parent *resource) Response {
	item, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	item["name"] = c.target.name
	status := http.StatusCreated
	doc := s.withItems(parent, c.kind.inside.list, func(items []any) []any {
		for i := range items {
			if old, ok := items[i].(tree.Object); ok && strings.EqualFold(tree.Text(old, "name"), c.target.name) {
				item["name"] = old["name"]
				items[i] = item
				status = http.StatusOK
				return items
			}
		}
		return append(items, item)
	})
	if _, _, e := s.write(c, s.targetOf(c, parent), parent.kind, doc); e != nil {
		return e.response()
	}
	answer := s.showItem(c, parent, status)
	s.addAsync(c, &answer, parent)
	return answer
}

func (s *Store) deleteItem(c *call, parent *resource) Response {
	found := false
	doc := s.withItems(parent, c.kind.inside.list, func(items []any) []any {
		var left []any
		for _, old := range items {
			if o, ok := old.(tree.Object); ok && strings.EqualFold(tree.Text(o, "name"), c.target.name) {
				found = true
				continue
			}
			left = append(left, old)
		}
		return left
	})
	if !found {
		return Response{Status: http.StatusNoContent}
	}
	if _, _, e := s.write(c, s.targetOf(c, parent), parent.kind, doc); e != nil {
		return e.response()
	}
	if parent.op == nil {
		return Response{Status: http.StatusOK}
	}
	answer := Response{Status: http.StatusAccepted}
	s.addAsync(c, &answer, parent)
	answer.Body = nil
	answer.set("Location", s.operationURL(c, parent, parent.op, "operationResults"))
	return answer
}

// withItems copies the parent's body with another list of children.
func (s *Store) withItems(parent *resource, list string, change func([]any) []any) tree.Object {
	doc := tree.Clone(parent.doc)
	properties := tree.Sub(doc, "properties")
	if properties == nil {
		properties = tree.Object{}
		doc["properties"] = properties
	}
	items, _ := properties[list].([]any)
	properties[list] = change(items)
	return doc
}

// targetOf is the parent as the target of a write that came for a child.
func (s *Store) targetOf(c *call, parent *resource) *target {
	return &target{typ: parent.kind.name, typKey: strings.ToLower(parent.kind.name), id: parent.id, key: parent.key,
		name: parent.name, group: c.target.group, sub: c.target.sub, apiVersion: c.target.apiVersion}
}

// prepareItems checks the names of a list of children and takes out of each
// what is read-only.
func prepareItems(w *write, list string, readOnly ...string) ([]tree.Object, *Error) {
	raw, present := tree.Sub(w.doc, "properties")[list]
	array, isList := raw.([]any)
	if present && !isList {
		return nil, bad("InvalidRequestFormat", "Cannot parse the request: '%s' is not a list.", list)
	}
	seen := map[string]bool{}
	var out []tree.Object
	for i, member := range array {
		item, ok := member.(tree.Object)
		if !ok {
			return nil, bad("InvalidRequestFormat", "Cannot parse the request: item %d of '%s' is not an object.", i, list)
		}
		name, _ := item["name"].(string)
		if name == "" || strings.ContainsAny(name, "/?#") {
			return nil, bad("InvalidRequestFormat", "Cannot parse the request: item %d of '%s' has no valid name.", i, list)
		}
		if seen[strings.ToLower(name)] {
			return nil, bad("DuplicateResourceName", "Resource %s has two child resources with the same name (%s).", w.id, name)
		}
		seen[strings.ToLower(name)] = true
		stripItem(item, readOnly...)
		if inner, present := item["properties"]; present {
			if _, ok := inner.(tree.Object); !ok {
				return nil, bad("InvalidRequestFormat", "Cannot parse the request: 'properties' of '%s' is not an object.", name)
			}
		}
		out = append(out, item)
	}
	return out, nil
}
