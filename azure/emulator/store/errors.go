package store

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Error is an error as ARM answers it.
type Error struct {
	Status     int
	Code       string
	Message    string
	Details    []Detail
	RetryAfter time.Duration
}

// Detail is a further code; azcore never looks at it, and ARM often has the
// telling one here.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

type errorBody struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []Detail `json:"details,omitempty"`
}

// body is the JSON of ARM's documented shape.
func (e *Error) body() []byte {
	out, err := json.Marshal(map[string]errorBody{"error": {e.Code, e.Message, e.Details}})
	if err != nil {
		panic(fmt.Sprintf("store: an error can't be written: %v", err))
	}
	return out
}

func (e *Error) response() Response {
	r := Response{Status: e.Status, Body: e.body(), Code: e.Code}
	if e.RetryAfter > 0 {
		r.set("Retry-After", seconds(e.RetryAfter))
	}
	r.set("x-ms-failure-cause", "gateway")
	return r
}

// seconds rounds up: a Retry-After must never be too early.
func seconds(d time.Duration) string {
	return fmt.Sprint(int64((d + time.Second - 1) / time.Second))
}

func bad(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notFound(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusNotFound, Code: code, Message: fmt.Sprintf(format, args...)}
}

func conflict(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// retryable is the network provider's 429, whose reason is in its detail.
func retryable(detail, message string, after time.Duration) *Error {
	return &Error{
		Status: http.StatusTooManyRequests, Code: "RetryableError", Message: "A retryable error occurred.",
		Details: []Detail{{detail, message}}, RetryAfter: after,
	}
}

func preconditionFailed(ifMatch, etag, id string) *Error {
	return &Error{
		Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "Precondition failed.",
		Details: []Detail{{"PreconditionFailedEtagMismatch",
			fmt.Sprintf("Etag provided in if-match header %s does not match etag %s of resource %s.", ifMatch, etag, id)}},
	}
}

func authorizationFailed(p Principal, action, scope string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "AuthorizationFailed", Message: fmt.Sprintf(
		"The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		p.ClientID, p.ObjectID, action, scope)}
}

func linkedAuthorizationFailed(p Principal, action, scope, linked, linkedScope string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "LinkedAuthorizationFailed", Message: fmt.Sprintf(
		"The client '%s' with object id '%s' has permission to perform action '%s' on scope '%s'; however, it does not have permission to perform action '%s' on the linked scope(s) '%s' or the linked scope(s) are invalid.",
		p.ClientID, p.ObjectID, action, scope, linked, linkedScope)}
}
