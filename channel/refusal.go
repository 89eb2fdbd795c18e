package channel

import (
	"errors"

	"connectrpc.com/connect"
)

// codes are the statuses that refusals travel with; ReasonOf doesn't need them.
var codes = map[Refusal_Reason]connect.Code{
	Refusal_UNKNOWN:      connect.CodeNotFound,
	Refusal_WRONG_SECRET: connect.CodePermissionDenied,
	Refusal_EXPIRED:      connect.CodePermissionDenied,
	Refusal_USED:         connect.CodeAlreadyExists,
	Refusal_VOID:         connect.CodePermissionDenied,
	Refusal_CLONE:        connect.CodeAlreadyExists,
	Refusal_BUSY:         connect.CodeResourceExhausted,
	Refusal_DRAINING:     connect.CodeUnavailable,
	Refusal_MALFORMED:    connect.CodeInvalidArgument,
	Refusal_UNIDENTIFIED: connect.CodeUnauthenticated,
}

// Refuse makes the error of a refusal; message is for people.
func Refuse(reason Refusal_Reason, message string) error {
	code, known := codes[reason]
	if !known {
		panic("channel: no status for " + reason.String())
	}
	err := connect.NewError(code, errors.New(message))
	detail, detailErr := connect.NewErrorDetail(&Refusal{Reason: reason})
	if detailErr != nil {
		panic("channel: " + detailErr.Error())
	}
	err.AddDetail(detail)
	return err
}

// ReasonOf tells a refusal by the manager from what the network or a proxy did:
// for those it is REASON_UNSPECIFIED.
func ReasonOf(err error) Refusal_Reason {
	var status *connect.Error
	if !errors.As(err, &status) {
		return Refusal_REASON_UNSPECIFIED
	}
	for _, detail := range status.Details() {
		value, err := detail.Value()
		if refusal, is := value.(*Refusal); is && err == nil {
			return refusal.Reason
		}
	}
	return Refusal_REASON_UNSPECIFIED
}
