package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

// write is one PUT on its way to being accepted.
type write struct {
	call   *call
	target *target
	kind   *kind
	old    *resource // nil if it creates
	doc    tree.Object
	id     string // with the case that the resource has or will have
	key    string
	extra  map[string]string // of the resource, to be completed
	method string            // how the operation is named in messages
}

// put creates a resource or replaces all of it.
func (s *Store) put(c *call) Response {
	doc, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	t := c.target
	if name := tree.Text(doc, "name"); name != "" && !strings.EqualFold(name, t.name) {
		return bad("InvalidResourceName", "The name '%s' in the request body does not match the name '%s' in the URL.", name, t.name).response()
	}
	r, status, e := s.write(c, t, c.kind, doc)
	if e != nil {
		return e.response()
	}
	answer := s.show(r, status)
	s.addAsync(c, &answer, r)
	return answer
}

// write is what a PUT of a resource and a write to one of its children share.
func (s *Store) write(c *call, t *target, k *kind, doc tree.Object) (*resource, int, *Error) {
	w := &write{call: c, target: t, kind: k, old: s.byKey[t.key], doc: doc, id: t.id, key: t.key, method: k.putName}
	if w.old != nil && w.old.state == "Deleting" && w.old.op != nil {
		return nil, 0, s.busy(w.old)
	}
	w.extra = map[string]string{}
	if w.old != nil {
		w.id = w.old.id
		for name, value := range w.old.extra {
			w.extra[name] = value
		}
	}
	if e := s.checkPlace(w); e != nil {
		return nil, 0, e
	}
	if e := s.linked(w); e != nil {
		return nil, 0, e
	}
	if w.old != nil && w.old.op != nil && s.opt.Switches.BusyRefuses && !c.direct {
		return nil, 0, s.busy(w.old)
	}
	if e := s.precondition(c, w.old, w.id); e != nil {
		return nil, 0, e
	}
	strip(k, doc)
	if k.accept != nil {
		if e := k.accept(s, w); e != nil {
			return nil, 0, e
		}
	}
	status := http.StatusOK
	if w.old == nil {
		status = http.StatusCreated
	}
	return s.commit(w), status, nil
}

// checkPlace is what ARM itself checks: group, parent, location.
func (s *Store) checkPlace(w *write) *Error {
	t := w.target
	if t.group != "" && w.kind != groupKind && s.group(t) == nil {
		return s.missing(t)
	}
	if t.parentID != "" && s.byKey[strings.ToLower(t.parentID)] == nil {
		return notFound("ParentResourceNotFound",
			"Failed to perform '%s' on resource(s) of type '%s', because the parent resource '%s' could not be found.",
			"write", w.kind.name, t.parentID)
	}
	if !w.kind.tracked {
		return nil
	}
	location := tree.Text(w.doc, "location")
	if location == "" {
		return bad("LocationRequired", "The location property is required for this definition.")
	}
	if w.old != nil && normalLocation(tree.Text(w.old.doc, "location")) != normalLocation(location) {
		return conflict("InvalidResourceLocation",
			"The resource '%s' already exists in location '%s' in resource group '%s'. A resource with the same name cannot be created in location '%s'. Please select a new resource name.",
			t.name, tree.Text(w.old.doc, "location"), t.group, location)
	}
	return nil
}

// normalLocation folds "West Europe" and "westeurope".
func normalLocation(text string) string {
	return strings.ToLower(strings.ReplaceAll(text, " ", ""))
}

// precondition honours If-Match and If-None-Match (RFC 9110 section 13.1; the
// network provider compares weakly).
func (s *Store) precondition(c *call, old *resource, id string) *Error {
	if c.IfNoneMatch == "*" && old != nil {
		return &Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed",
			Message: "Precondition failed. The resource " + id + " already exists."}
	}
	if c.IfMatch == "" {
		return nil
	}
	etag := ""
	if old != nil {
		etag = old.etag
	}
	if old != nil && (c.IfMatch == "*" || !old.kind.etag) {
		return nil
	}
	for _, one := range strings.Split(c.IfMatch, ",") {
		if old != nil && opaque(one) == opaque(etag) {
			return nil
		}
	}
	return preconditionFailed(c.IfMatch, etag, id)
}

// opaque is an entity tag without its weakness mark.
func opaque(tag string) string { return strings.TrimPrefix(strings.TrimSpace(tag), "W/") }

// commit makes an accepted write what the control plane wants, and starts its
// operation.
func (s *Store) commit(w *write) *resource {
	r := w.old
	if r == nil {
		r = &resource{kind: w.kind, id: w.id, key: w.key, name: w.target.name}
		if w.kind.class != 0 {
			r.guid = s.guid()
		}
		s.add(r)
	} else {
		s.remember(r)
	}
	r.doc, r.extra = w.doc, w.extra
	if w.kind.etag {
		r.etag = s.newEtag()
	}
	if w.kind.parse != nil {
		r.form = w.kind.parse(s, r, r.doc)
	}
	s.changed()
	s.start(w.call, r, w.method, w.kind.class)
	if w.kind.stored != nil {
		w.kind.stored(s, r)
	}
	return r
}

// patch changes the tags: all that most network resources allow.
func (s *Store) patch(c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || !sameKind(r, c) {
		return s.missing(c.target).response()
	}
	patch, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	if e := s.precondition(c, r, r.id); e != nil {
		return e.response()
	}
	for name := range patch {
		if name != "tags" && r.kind.patch != nil {
			return s.patchMore(c, r)
		}
		if name != "tags" {
			return bad("UnsupportedPatch", "Only 'tags' can be patched on resources of type '%s', not '%s'.", r.kind.name, name).response()
		}
	}
	s.remember(r)
	doc := tree.Shallow(r.doc)
	delete(doc, "tags")
	if tags := tree.Sub(patch, "tags"); tags != nil {
		doc["tags"] = tags
	}
	r.doc = doc
	if r.kind.etag {
		r.etag = s.newEtag()
	}
	s.changed()
	return s.show(r, http.StatusOK)
}

// patchMore is a PATCH that the kind makes a PUT of.
func (s *Store) patchMore(c *call, r *resource) Response {
	doc, e := r.kind.patch(s, c, r)
	if e != nil {
		return e.response()
	}
	if _, _, e := s.write(c, c.target, r.kind, doc); e != nil {
		return e.response()
	}
	answer := s.show(r, http.StatusOK)
	s.addAsync(c, &answer, r)
	return answer
}
