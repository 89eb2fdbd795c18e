package store

import (
	"releve.dev/releve/azure/emulator/tree"
)

// maxPast is how many former answers of a resource are kept for stale reads.
const maxPast = 8

// viewOf is the resource as a GET shows it. It is shared: copy before changing.
func (s *Store) viewOf(r *resource) tree.Object {
	if r.cachedAt == s.changes {
		return r.view
	}
	o := tree.Shallow(r.doc)
	o["name"], o["id"], o["type"] = r.name, r.id, r.kind.name
	if r.kind.etag {
		o["etag"] = r.etag
	}
	properties := tree.Shallow(tree.Sub(r.doc, "properties"))
	if r.state != "" {
		properties["provisioningState"] = r.state
	}
	if r.guid != "" {
		properties["resourceGuid"] = r.guid
	}
	if r.kind.derive != nil {
		r.kind.derive(s, r, properties)
	}
	if len(properties) > 0 {
		o["properties"] = properties
	}
	if r.kind.outer != nil {
		r.kind.outer(s, r, o)
	}
	r.view, r.body, r.cachedAt = o, nil, s.changes
	return o
}

// bodyOf is viewOf in bytes.
func (s *Store) bodyOf(r *resource) []byte {
	view := s.viewOf(r)
	if r.body == nil {
		r.body = tree.Render(view)
	}
	return r.body
}

// remember keeps the present answer before it changes, so that a stale read
// can show it.
func (s *Store) remember(r *resource) {
	if len(r.past) == maxPast {
		r.past = append(r.past[:0], r.past[1:]...)
	}
	r.past = append(r.past, pastBody{until: s.now, body: s.bodyOf(r), etag: r.etag})
}

// strip takes out of a written body what is read-only, so that sending it back
// has no effect.
func strip(k *kind, o tree.Object) {
	for _, name := range []string{"id", "name", "type", "etag"} {
		delete(o, name)
	}
	properties := tree.Sub(o, "properties")
	for _, name := range commonReadOnly {
		delete(properties, name)
	}
	for _, name := range k.readOnly {
		delete(properties, name)
	}
}

// stripItem is strip for a child inside a list; it keeps its name.
func stripItem(o tree.Object, readOnly ...string) {
	delete(o, "id")
	delete(o, "type")
	delete(o, "etag")
	properties := tree.Sub(o, "properties")
	for _, name := range commonReadOnly {
		delete(properties, name)
	}
	for _, name := range readOnly {
		delete(properties, name)
	}
}

// deriveItems gives each child in properties[list] its id, ETag and state.
func deriveItems(r *resource, properties tree.Object, list, typ string, more func(item, properties tree.Object)) {
	items := tree.Objects(properties, list)
	out := make([]any, 0, len(items))
	for _, item := range items {
		item = tree.Shallow(item)
		item["id"] = r.id + "/" + list + "/" + tree.Text(item, "name")
		item["etag"] = r.etag
		item["type"] = typ
		inner := tree.Shallow(tree.Sub(item, "properties"))
		inner["provisioningState"] = r.state
		if more != nil {
			more(item, inner)
		}
		item["properties"] = inner
		out = append(out, item)
	}
	properties[list] = out
}
