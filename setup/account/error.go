package account

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/setup/document"
)

// Error is a request that ARM refused, or an operation that it began and that
// failed (Status 200).
type Error struct {
	Status        int
	Code, Detail  string // the outer code, and that of the first detail
	Message       string
	Action, Scope string        // what a refusal for lack of rights names
	RetryAfter    time.Duration // how long Azure wants us to wait; 0 if it doesn't say
	Method, ID    string        // what was asked
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", verb(e.Method), strings.TrimPrefix(e.ID, "https://"), e.Code)
	if e.Detail != "" && e.Detail != e.Code {
		text += " (" + e.Detail + ")"
	}
	if e.Message != "" {
		text += ": " + strings.Join(strings.Fields(e.Message), " ")
	}
	if hint := e.hint(); hint != "" {
		text += "\nhint: " + hint
	}
	return text
}

func verb(method string) string {
	switch method {
	case http.MethodGet:
		return "reading"
	case http.MethodPut, http.MethodPatch:
		return "writing"
	case http.MethodDelete:
		return "deleting"
	}
	return "asking"
}

// Is reports whether one of the codes is the error's, as outer or as detail.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && (string(code) == e.Code || string(code) == e.Detail)
}

// Code is one of ARM's codes, for errors.Is(err, Code("…")).
type Code string

func (c Code) Error() string { return string(c) }

// hint names the remedy of what a person can mend.
func (e *Error) hint() string {
	switch e.Code {
	case "ExpiredAuthenticationToken", "InvalidAuthenticationToken", "AuthenticationFailed":
		return "sign in again: az login"
	case "InvalidAuthenticationTokenTenant":
		if tenant := rightTenant(e.Message); tenant != "" {
			return "the subscription belongs to another tenant: az login --tenant " + tenant + ", or give --tenant " + tenant
		}
		return "the subscription belongs to another tenant: give --tenant"
	case "SubscriptionNotFound", "InvalidSubscriptionId":
		return "az account list --all shows the subscriptions that you see; give one with --subscription"
	case "AuthorizationFailed", "LinkedAuthorizationFailed":
		return e.denied()
	case "MissingSubscriptionRegistration":
		return "az provider register --namespace " + namespace(e.ID) + " --wait"
	case "RequestDisallowedByPolicy":
		return "a policy of your organisation forbids it; the message names it, and its owner can exempt the resource group"
	case "ScopeLocked":
		return "a lock is on it: az lock list"
	case "SkuNotAvailable", "AllocationFailed", "ZonalAllocationFailed", "OverconstrainedZonalAllocationRequest":
		return "choose another size or zone: az vm list-skus --resource-type virtualMachines --location REGION --all"
	case "QuotaExceeded":
		return "ask for a higher quota in the portal: Subscriptions › Usage + quotas"
	}
	return ""
}

func (e *Error) denied() string {
	where := e.Scope
	if where == "" {
		where = e.ID
	}
	return "you need " + orA(e.Action) + " at " + where +
		"; where roles are activated (PIM), activate yours first; one that was just given takes some minutes"
}

func orA(action string) string {
	if action == "" {
		return "a role"
	}
	return "a role with " + action
}

func namespace(id string) string {
	name, _, _ := strings.Cut(document.TypeOf(id), "/")
	return name
}

// rightTenant takes the tenant out of ARM's "The access token is from the wrong
// issuer '…/A/'. It must match one of the tenants '…/B/' associated with this
// subscription."
func rightTenant(message string) string {
	_, rest, found := strings.Cut(message, "It must match")
	if !found {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "'")
	issuer, _, _ := strings.Cut(rest, "'")
	issuer, _, _ = strings.Cut(issuer, ",")
	parts := strings.Split(strings.Trim(issuer, "/"), "/")
	return parts[len(parts)-1]
}

// passes reports whether the request may be sent again as it was: Azure was
// busy, or in trouble before it began. A POST that may have begun isn't repeated.
func (e *Error) passes(method string) bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return method != http.MethodPost
	}
	// A new identity takes a while to be known to all of Entra ID.
	return e.Code == "PrincipalNotFound" || e.Detail == "ReferencedResourceNotProvisioned"
}

// missing are the 404s which say that more than the resource is missing.
var missing = []string{"SubscriptionNotFound", "InvalidSubscriptionId", "InvalidResourceNamespace", "InvalidResourceType",
	"NoRegisteredProviderFound", steer.BadAnswer}

// absent reports whether ARM said that a resource, or its group, isn't there.
func absent(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound && !slices.Contains(missing, refused.Code)
}

// lostError is a request that got no answer.
type lostError struct {
	request
	error
}

func (e *lostError) Error() string {
	return fmt.Sprintf("%s %s: no answer from Azure: %v", verb(e.method), e.id, e.error)
}

func (e *lostError) Unwrap() error { return e.error }

// certificateError is an endpoint whose certificate isn't trusted.
type certificateError struct{ error }

func (e *certificateError) Error() string {
	return fmt.Sprintf("Azure's certificate isn't trusted: %v\nhint: RELEVE_AZURE_CA names a file with the certificate of the authority to trust", e.error)
}

func (e *certificateError) Unwrap() error { return e.error }
