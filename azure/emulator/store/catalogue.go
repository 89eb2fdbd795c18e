package store

import (
	"fmt"
	"net/http"
	"time"
)

// catalogued is the documented error of a code (azure.md, "Errors to handle"),
// for faults that name the code alone. An unknown code is a 400.
func catalogued(code, resource string) *Error {
	switch code {
	case "PrivateIPAddressIsAllocated":
		return bad(code, "IP configuration %s is using the private IP address which is already allocated to resource %s.", resource, resource)
	case "PrivateIPAddressInUse":
		return bad(code, "IP configuration %s is using the same private IP address as IP configuration %s.", resource, resource)
	case "PrivateIPAddressIsBeingCleanedUp":
		return bad(code, "Private static IP address is being cleaned up and can't be used by IP configuration %s. Please retry later.", resource)
	case "PrivateIPAddressInReservedRange":
		return bad(code, "Private static IP address falls within reserved IP range of subnet prefix.")
	case "PrivateIPAddressNotInSubnet":
		return bad(code, "Private static IP address does not belong to the range of subnet prefix.")
	case "IpConfigDeleteNotSupported":
		return bad(code, "IP Configuration cannot be deleted. Deletion and renaming of primary IP Configuration is not supported")
	case "InvalidIPConfigCount":
		return bad(code, "Network interface %s must have one or more IP configurations.", resource)
	case "RetryableError", "RetryableErrorDueToAnotherOperation":
		return retryable("RetryableErrorDueToAnotherOperation",
			fmt.Sprintf("Operation PutNicOperation is updating resource %s. The call can be retried in 14 seconds.", resource), 14*time.Second)
	case "ReferencedResourceNotProvisioned":
		return retryable(code, fmt.Sprintf("Cannot proceed with operation because a resource used by resource %s is not in Succeeded state.", resource), 10*time.Second)
	case "AnotherOperationInProgress":
		return &Error{Status: http.StatusTooManyRequests, Code: code,
			Message: "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: " + resource + "."}
	case "Canceled":
		return &Error{Status: http.StatusConflict, Code: code, Message: "Operation was canceled.",
			Details: []Detail{{"CanceledAndSupersededDueToAnotherOperation", "Operation was canceled and superseded by another operation on " + resource + "."}}}
	case "PreconditionFailed":
		return preconditionFailed("", "", resource)
	case "TooManyRequests", "SubscriptionRequestsThrottled":
		return &Error{Status: http.StatusTooManyRequests, Code: code, Message: "Too many requests.", RetryAfter: 5 * time.Second}
	case "AuthorizationFailed", "LinkedAuthorizationFailed":
		return &Error{Status: http.StatusForbidden, Code: code, Message: fmt.Sprintf(
			"The client does not have authorization to perform action over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.", resource)}
	case "ServiceUnavailable", "ServerTimeout":
		return &Error{Status: http.StatusServiceUnavailable, Code: code, Message: "The service is unavailable. Please retry later."}
	case "InternalServerError":
		return &Error{Status: http.StatusInternalServerError, Code: code, Message: "An error occurred.", Details: nil}
	case "GatewayTimeout":
		return &Error{Status: http.StatusGatewayTimeout, Code: code, Message: "The gateway did not receive a response from 'Microsoft.Network' within the specified time period."}
	}
	return bad(code, "The request failed: %s.", code)
}
