package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"releve.dev/releve/client"
	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
)

// problem is a refusal as huma sends it.
type problem struct {
	client.Problem
	after int // seconds, for Retry-After
}

func (p *problem) GetStatus() int { return p.Status }

func (p *problem) ContentType(string) string { return "application/problem+json" }

func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(p.after))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// huma has one error type for a process, in two variables.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return refusedInput(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := refusedInput(status, message, errs)
		p.Request = callerOf(ctx.Context()).request
		return p
	}
}

// statuses has the HTTP status of each kind of refusal. Others are of a state
// that doesn't allow it: 409.
var statuses = map[inventory.Kind]int{
	inventory.Invalid:      http.StatusUnprocessableEntity,
	inventory.Absent:       http.StatusNotFound,
	inventory.Stale:        http.StatusPreconditionFailed,
	inventory.Missing:      http.StatusPreconditionRequired,
	access.Unauthenticated: http.StatusUnauthorized,
	access.Forbidden:       http.StatusForbidden,
	access.Unconfirmed:     http.StatusForbidden,
}

// kinds are of refusals that the API itself makes, by status.
var kinds = map[int]inventory.Kind{
	http.StatusBadRequest:            "malformed",
	http.StatusNotFound:              inventory.Absent,
	http.StatusMethodNotAllowed:      "method",
	http.StatusRequestEntityTooLarge: "too-large",
	http.StatusUnsupportedMediaType:  "media-type",
	http.StatusUnprocessableEntity:   inventory.Invalid,
	http.StatusTooManyRequests:       "too-many",
	http.StatusInternalServerError:   "internal",
}

func newProblem(status int, kind inventory.Kind, detail string) *problem {
	return &problem{Problem: client.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status,
		Kind: string(kind), Detail: detail}}
}

// refusedInput shows what huma found wrong with a request. It leaves out the
// values that huma would show: a password is one.
func refusedInput(status int, message string, errs []error) *problem {
	p := newProblem(status, kinds[status], message)
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Faults = append(p.Faults, client.Fault{Field: inputOf(detail.Location), Message: detail.Message})
		}
	}
	if len(p.Faults) > 0 {
		p.Field, p.Detail = p.Faults[0].Field, p.Faults[0].String()
	}
	return p
}

// inputOf is huma's location without where in the request it is.
func inputOf(location string) string {
	_, field, within := strings.Cut(location, ".")
	if !within {
		return location
	}
	return field
}

// problem shows a use case's error. What isn't a refusal is for the log alone.
func (a *API) problem(ctx context.Context, err error) *problem {
	c := callerOf(ctx)
	var p *problem
	var limited *access.Limited
	var refusal *inventory.Refusal
	switch {
	case errors.As(err, &p):
	case errors.As(err, &limited):
		p = newProblem(http.StatusTooManyRequests, kinds[http.StatusTooManyRequests], limited.Error())
		p.after = limited.Seconds()
	case errors.As(err, &refusal):
		p = refused(refusal)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		p = newProblem(499, "gone", "the client has gone")
	default:
		a.Log.Error("a request failed", slog.String("request", c.request), slog.Any("reason", err))
		p = newProblem(http.StatusInternalServerError, kinds[http.StatusInternalServerError], "the manager failed, and nothing is known to have changed")
		p.Remedy = "its log tells more: look for request " + c.request
	}
	p.Request = c.request
	return p
}

func refused(r *inventory.Refusal) *problem {
	status, special := statuses[r.Kind]
	if !special {
		status = http.StatusConflict
	}
	p := newProblem(status, r.Kind, r.Message)
	p.Field, p.Remedy = r.Field, r.Remedy
	for _, f := range r.Faults {
		p.Faults = append(p.Faults, client.Fault{Field: f.Field, Rule: string(f.Rule), Message: f.Message})
	}
	return p
}

// schemaName names a type in the OpenAPI: its own name.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.TrimPrefix(name, "Client")
}
