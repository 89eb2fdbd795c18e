package arm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"releve.dev/releve/core/steer"
)

// readAnswer turns what came back into a Response without its ID and SentAt.
func readAnswer(answer *http.Response, method string) steer.Response {
	body, err := runtime.Payload(answer) // read by the pipeline already
	if err != nil {
		return steer.Response{Code: steer.BadAnswer, Message: err.Error()}
	}
	response := steer.Response{Status: answer.StatusCode, Body: body}
	if response.OK() {
		return accepted(response, method)
	}
	fault := ReadFault(answer, body)
	response.Code, response.Detail, response.Message = fault.Code, fault.Detail, fault.Message
	response.Action, response.Scope = fault.Action, fault.Scope
	response.RetryAfter = RetryAfter(answer.Header, fault.Message)
	return response
}

// accepted checks that a success is ARM's: a captive portal answers 200 too.
func accepted(response steer.Response, method string) steer.Response {
	empty := len(bytes.TrimSpace(response.Body)) == 0
	if empty && method == http.MethodPut || !empty && isObject(response.Body) {
		return response
	}
	return steer.Response{Code: steer.BadAnswer,
		Message: fmt.Sprintf("HTTP status %d with a body that isn't a resource", response.Status)}
}

func isObject(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && body[0] == '{' && json.Valid(body)
}

// Fault is an error body of ARM, and what it says for people taken apart.
type Fault struct {
	Code, Detail, Message string
	Action, Scope         string // what a refusal says is missing, and where
}

// ReadFault reads why ARM refused. A gateway's word in ARM's place is a BadAnswer;
// the status still says what to do.
func ReadFault(answer *http.Response, body []byte) Fault {
	fault := ParseFault(body)
	if fault.Code == "" {
		fault.Code = answer.Header.Get("x-ms-error-code")
	}
	if fault.Code == "" {
		fault.Code = steer.BadAnswer
		fault.Message = fmt.Sprintf("HTTP status %d without an error that ARM gives", answer.StatusCode)
	}
	return fault
}

// errorBody is {"error": {...}}; some providers leave the envelope out.
type errorBody struct {
	errorPart
	Error errorPart `json:"error"`
}

type errorPart struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Details []errorPart `json:"details"`
}

// ParseFault reads an error body, also that in the status of an operation. What
// isn't one gives the zero Fault.
func ParseFault(body []byte) Fault {
	var parsed errorBody
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &parsed); err != nil {
		return Fault{}
	}
	part := parsed.Error
	if part.Code == "" && part.Message == "" {
		part = parsed.errorPart
	}
	f := Fault{Code: part.Code, Message: part.Message}
	if len(part.Details) > 0 {
		detail := part.Details[0]
		f.Detail = detail.Code
		if detail.Message != "" && detail.Message != f.Message {
			f.Message = strings.TrimSpace(f.Message + " " + detail.Message)
		}
	}
	f.Action, f.Scope = denied(f.Message)
	return f
}

// denied takes the refused action and its scope out of the message of an
// AuthorizationFailed, LinkedAuthorizationFailed or their kin; ARM gives them
// nowhere else. Of a linked one it is the linked action, the one that's missing.
func denied(message string) (action, scope string) {
	const verb = "perform action"
	if i := strings.LastIndex(message, "does not have permission to "+verb); i >= 0 {
		message = message[i:]
	}
	_, rest, found := strings.Cut(message, verb)
	if !found {
		return "", ""
	}
	action, rest = quoted(rest)
	_, rest, found = strings.Cut(rest, "scope")
	if action == "" || !found {
		return action, ""
	}
	scope, _ = quoted(rest)
	return action, scope
}

// quoted returns the text between the first two apostrophes, and what follows.
func quoted(text string) (inside, rest string) {
	_, text, found := strings.Cut(text, "'")
	inside, rest, closed := strings.Cut(text, "'")
	if !found || !closed {
		return "", ""
	}
	return inside, rest
}

// maxRetryAfter bounds nonsense; ARM's longest window is an hour.
const maxRetryAfter = time.Hour

var retryHint = regexp.MustCompile(`(?:retried|try again|retry) (?:in|after) (\d{1,5}) seconds?`)

// RetryAfter is how long Azure wants us to wait: from its headers in azcore's
// order, else from the message of a RetryableError. 0 if it doesn't say.
func RetryAfter(header http.Header, message string) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, err := strconv.ParseUint(header.Get(name), 10, 31); err == nil {
			return min(time.Duration(n)*time.Millisecond, maxRetryAfter)
		}
	}
	value := header.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	if until, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date")) // ARM's clock, not ours
		if err != nil {
			now = time.Now()
		}
		return min(max(until.Sub(now), 0), maxRetryAfter)
	}
	if match := retryHint.FindStringSubmatch(strings.ToLower(message)); match != nil {
		n, _ := strconv.Atoi(match[1])
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	return 0
}
