package store

import (
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/tree"
)

// call is one request on its way through the store.
type call struct {
	Request
	target *target
	kind   *kind
	action string  // what it needs permission for
	left   int     // of the caller's quota
	script *Script // that the write has a guest run
}

// Handle answers a request that arrives at the instant now.
func (s *Store) Handle(now time.Duration, req Request) Response {
	s.Advance(now)
	c := &call{Request: req}
	if c.Base == "" {
		c.Base = s.opt.Endpoint
	}
	if !req.direct {
		s.watch(c)
		if answer, done := s.faultBefore(c); done {
			return s.finish(c, answer)
		}
	}
	return s.finish(c, s.admit(c))
}

// admit takes the request through ARM's front door: who, how often, what, and
// whether that is allowed.
func (s *Store) admit(c *call) Response {
	if c.Principal == (Principal{}) {
		e := &Error{Status: http.StatusUnauthorized, Code: "AuthenticationFailed",
			Message: "Authentication failed. The 'Authorization' header is missing."}
		return e.response()
	}
	if e := s.throttle(c); e != nil {
		return e.response()
	}
	t, e := s.target(c.Path)
	if e != nil {
		return e.response()
	}
	c.target = t
	if c.kind, e = s.kind(t); e != nil {
		return e.response()
	}
	if t.sub != "" && !strings.EqualFold(t.sub, s.opt.Subscription) {
		return notFound("SubscriptionNotFound", "The subscription '%s' could not be found.", t.sub).response()
	}
	c.action = c.actionName()
	if e := s.authorize(c); e != nil {
		return e.response()
	}
	return s.dispatch(c)
}

// actionName is the action that RBAC knows the request by.
func (c *call) actionName() string {
	name := actionType(c.kind)
	switch c.Method {
	case http.MethodPut, http.MethodPatch:
		return name + "/write"
	case http.MethodDelete:
		return name + "/delete"
	case http.MethodPost:
		return name + "/action"
	}
	return name + "/read"
}

func (s *Store) dispatch(c *call) Response {
	switch {
	case c.kind.serve != nil:
		return c.kind.serve(s, c)
	case c.target.shape == shapeAction && c.Method == http.MethodPost:
		return s.post(c)
	case c.kind.inside != nil:
		return s.serveInside(c)
	case c.target.shape != shapeResource:
		if c.Method != http.MethodGet {
			return methodNotAllowed(c)
		}
		return s.list(c)
	}
	switch c.Method {
	case http.MethodGet:
		return s.get(c)
	case http.MethodHead:
		answer := s.get(c)
		answer.Body = nil
		if answer.Status == http.StatusOK {
			answer.Status = http.StatusNoContent
		}
		return answer
	case http.MethodPut:
		return s.put(c)
	case http.MethodPatch:
		return s.patch(c)
	case http.MethodDelete:
		return s.delete(c)
	}
	return methodNotAllowed(c)
}

func methodNotAllowed(c *call) Response {
	e := &Error{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed",
		Message: "The requested resource does not support http method '" + c.Method + "'."}
	return e.response()
}

// finish adds what every answer of ARM carries.
func (s *Store) finish(c *call, r Response) Response {
	if r.Silent {
		return r
	}
	id := s.guid()
	correlation := c.Correlation
	if correlation == "" {
		correlation = id
	}
	r.set("Cache-Control", "no-cache")
	r.set("x-ms-request-id", id)
	r.set("x-ms-correlation-request-id", correlation)
	r.set("x-ms-routing-request-id", strings.ToUpper(s.opt.Location)+":"+id)
	if len(r.Body) > 0 {
		r.set("Content-Type", "application/json; charset=utf-8")
	}
	s.addRemaining(c, &r)
	if !c.direct {
		p := s.opt.Profile.Read
		if c.Method != http.MethodGet && c.Method != http.MethodHead {
			p = s.opt.Profile.Accept
		}
		r.Delay += p.Draw(s.delays)
		s.warn(c, &r)
		s.faultAfter(c, &r)
	}
	return r
}

func (s *Store) get(c *call) Response {
	r := s.byKey[c.target.key]
	if r == nil || !sameKind(r, c) {
		return s.missing(c.target).response()
	}
	if body, etag, ok := s.stale(c, r); ok {
		return Response{Status: http.StatusOK, Body: body, ETag: etag}
	}
	answer := s.show(r, http.StatusOK)
	if c.target.expand != "" && r.kind.expand != nil {
		if o := r.kind.expand(s, r, c.target.expand); o != nil {
			answer.Body = tree.Render(o)
		}
	}
	return answer
}

func sameKind(r *resource, c *call) bool { return strings.EqualFold(r.kind.name, c.kind.name) }

// show answers with the resource as it is.
func (s *Store) show(r *resource, status int) Response {
	return Response{Status: status, Body: s.bodyOf(r), ETag: r.etag}
}

// missing is the 404 of a resource, or of the group that it would be in.
func (s *Store) missing(t *target) *Error {
	if t.group != "" && s.group(t) == nil {
		return notFound("ResourceGroupNotFound", "Resource group '%s' could not be found.", t.group)
	}
	if t.group == "" {
		return notFound("ResourceNotFound", "The resource '%s' was not found.", t.id)
	}
	name := t.typ + "/" + t.name
	if i := strings.Index(strings.ToLower(t.id), "/providers/"); i >= 0 {
		name = t.id[i+len("/providers/"):]
	}
	return notFound("ResourceNotFound",
		"The Resource '%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", name, t.group)
}

// group is the resource group that a target is in, nil if there is none.
func (s *Store) group(t *target) *resource {
	return s.byKey["/subscriptions/"+strings.ToLower(t.sub)+"/resourcegroups/"+strings.ToLower(t.group)]
}

// list answers a collection: all resources of the kind below its scope.
func (s *Store) list(c *call) Response {
	t := c.target
	if t.group != "" && s.group(t) == nil {
		return s.missing(t).response()
	}
	scope := strings.ToLower(t.id)
	if i := strings.LastIndex(scope, "/providers/"); i >= 0 && t.shape == shapeCollection {
		scope = scope[:i]
	}
	var items []any
	for _, r := range s.under(scope) {
		if strings.EqualFold(r.kind.name, c.kind.name) && s.mayRead(c, r) {
			items = append(items, s.viewOf(r))
		}
	}
	return listResponse(items)
}

func listResponse(items []any) Response {
	if items == nil {
		items = []any{}
	}
	return Response{Status: http.StatusOK, Body: tree.Render(tree.Object{"value": items})}
}
