package store

import (
	"net/http"
	"strings"

	"releve.dev/releve/azure/emulator/tree"
)

func (s *Store) delete(c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || !sameKind(r, c) {
		if c.target.group != "" && s.group(c.target) == nil {
			return s.missing(c.target).response()
		}
		return Response{Status: http.StatusNoContent}
	}
	if e := s.precondition(c, r, r.id); e != nil {
		return e.response()
	}
	if r.op != nil && r.op.delete {
		return s.busy(r).response()
	}
	if r.kind.inUse != nil {
		if e := r.kind.inUse(s, r); e != nil {
			return e.response()
		}
	}
	s.remember(r)
	op := s.begin(c, r, strings.Replace(r.kind.putName, "Put", "Delete", 1), r.kind.class, true)
	if op.Status == succeeded {
		return Response{Status: http.StatusOK}
	}
	s.changed()
	answer := Response{Status: http.StatusAccepted}
	s.addAsync(c, &answer, r)
	answer.set("Location", s.operationURL(c, r, r.op, "operationResults"))
	return answer
}

// vanish takes a resource, and all below it, out of the store.
func (s *Store) vanish(r *resource) {
	below := append([]*resource(nil), s.under(r.key)...)
	for i := len(below) - 1; i >= 0; i-- {
		s.vanishOne(below[i])
	}
	s.vanishOne(r)
	s.changed()
	s.planeStale = true
}

func (s *Store) vanishOne(r *resource) {
	if s.byKey[r.key] != r {
		return // it has gone with another that was above it
	}
	if r.op != nil && !r.op.delete {
		s.supersede(r.op, "DeleteResource")
	}
	s.drop(r)
	if r.kind.gone != nil {
		r.kind.gone(s, r)
	}
}

// reference reports whether o names the resource key anywhere under an "id".
func reference(v any, key string) bool {
	switch v := v.(type) {
	case tree.Object:
		for name, member := range v {
			if text, ok := member.(string); ok && name == "id" && strings.EqualFold(text, key) {
				return true
			}
			if reference(member, key) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if reference(item, key) {
				return true
			}
		}
	}
	return false
}

// user is the first resource whose body refers to key, nil if there is none.
func (s *Store) user(key string) *resource {
	for _, r := range s.sorted {
		if r.key != key && reference(r.doc, key) {
			return r
		}
	}
	return nil
}
