package arm

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	nic = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/nic"
	nsg = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg"
)

// The error bodies that Azure gives (azure.md section 2).
func TestParseFault(t *testing.T) {
	tests := []struct {
		name, body string
		want       Fault
	}{
		{"address still on the other NIC",
			`{"error":{"code":"PrivateIPAddressIsAllocated","message":"IP configuration /x is using the private IP address 10.102.2.200 which is already allocated to resource /y.","details":[]}}`,
			Fault{Code: "PrivateIPAddressIsAllocated", Message: "IP configuration /x is using the private IP address 10.102.2.200 which is already allocated to resource /y."}},
		{"etag",
			`{"error":{"code":"PreconditionFailed","message":"Precondition failed.","details":[{"code":"PreconditionFailedEtagMismatch","message":"Etag provided in if-match header W/\"a\" does not match etag W/\"b\" of resource /x"}]}}`,
			Fault{Code: "PreconditionFailed", Detail: "PreconditionFailedEtagMismatch",
				Message: `Precondition failed. Etag provided in if-match header W/"a" does not match etag W/"b" of resource /x`}},
		{"another operation",
			`{"error":{"code":"RetryableError","message":"A retryable error occurred.","details":[{"code":"RetryableErrorDueToAnotherOperation","message":"Operation PutNicOperation (1) is updating resource /x. The call can be retried in 14 seconds."}]}}`,
			Fault{Code: "RetryableError", Detail: "RetryableErrorDueToAnotherOperation",
				Message: "A retryable error occurred. Operation PutNicOperation (1) is updating resource /x. The call can be retried in 14 seconds."}},
		{"denied",
			`{"error":{"code":"AuthorizationFailed","message":"The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/networkInterfaces/write' over scope '` + nic + `' or the scope is invalid. If access was recently granted, please refresh your credentials."}}`,
			Fault{Code: "AuthorizationFailed", Action: "Microsoft.Network/networkInterfaces/write", Scope: nic,
				Message: "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/networkInterfaces/write' over scope '" + nic + "' or the scope is invalid. If access was recently granted, please refresh your credentials."}},
		{"linked action denied: the linked one is what's missing",
			`{"error":{"code":"LinkedAuthorizationFailed","message":"The client has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '` + nic + `'; however, it does not have permission to perform action 'Microsoft.Network/networkSecurityGroups/join/action' on the linked scope(s) '` + nsg + `' or the linked scope(s) are invalid."}}`,
			Fault{Code: "LinkedAuthorizationFailed", Action: "Microsoft.Network/networkSecurityGroups/join/action", Scope: nsg,
				Message: "The client has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '" + nic + "'; however, it does not have permission to perform action 'Microsoft.Network/networkSecurityGroups/join/action' on the linked scope(s) '" + nsg + "' or the linked scope(s) are invalid."}},
		{"linked, plural form",
			`{"error":{"code":"LinkedAuthorizationFailed","message":"it does not have permission to perform action(s) 'a/b/join/action' on the linked scope(s) '/x,/y'"}}`,
			Fault{Code: "LinkedAuthorizationFailed", Action: "a/b/join/action", Scope: "/x,/y",
				Message: "it does not have permission to perform action(s) 'a/b/join/action' on the linked scope(s) '/x,/y'"}},
		{"message cut off", `{"error":{"code":"AuthorizationFailed","message":"does not have authorization to perform action 'a"}}`,
			Fault{Code: "AuthorizationFailed", Message: "does not have authorization to perform action 'a"}},
		{"no envelope", `{"code":"Throttled","message":"slow"}`, Fault{Code: "Throttled", Message: "slow"}},
		{"byte order mark", "\xef\xbb\xbf" + `{"error":{"code":"C"}}`, Fault{Code: "C"}},
		{"HTML", "<html>502</html>", Fault{}},
		{"wrong types", `{"error":{"code":7}}`, Fault{}},
		{"error is a text", `{"error":"invalid_request"}`, Fault{}},
		{"empty", "", Fault{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ParseFault([]byte(test.body)); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name    string
		header  map[string]string
		message string
		want    time.Duration
	}{
		{"none", nil, "", 0},
		{"seconds", map[string]string{"Retry-After": "17"}, "", 17 * time.Second},
		{"milliseconds first", map[string]string{"Retry-After": "17", "Retry-After-Ms": "250"}, "", 250 * time.Millisecond},
		{"milliseconds of Microsoft", map[string]string{"x-ms-retry-after-ms": "40"}, "", 40 * time.Millisecond},
		{"date by ARM's own clock", map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, "", 30 * time.Second},
		{"date gone by", map[string]string{"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT", "Date": "Mon, 23 Nov 2026 12:01:00 GMT"}, "", 0},
		{"only in the message", nil, "The call can be retried in 14 seconds.", 14 * time.Second},
		{"nonsense", map[string]string{"Retry-After": "-5"}, "", 0},
		{"too long", map[string]string{"Retry-After": "999999999"}, "", time.Hour},
	}
	for _, test := range tests {
		header := http.Header{}
		for key, value := range test.header {
			header.Set(key, value)
		}
		if got := RetryAfter(header, test.message); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// FuzzParseFault: a fault reads the same when it is written as ARM writes it, and
// what is told of action and scope stands in the message.
func FuzzParseFault(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"AuthorizationFailed","message":"to perform action 'a' over scope 's'","details":[{"code":"d","message":"m"}]}}`))
	f.Add([]byte(`{"error":{"message":"does not have permission to perform action(s) ''' scope '"}}`))
	f.Add([]byte(`{"code":"x","message":" spaced "}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := ParseFault(body)
		if got.Scope != "" && got.Action == "" {
			t.Errorf("a scope without an action: %+v", got)
		}
		if !strings.Contains(got.Message, got.Action) || !strings.Contains(got.Message, got.Scope) {
			t.Errorf("action or scope out of nowhere: %+v", got)
		}
		part := map[string]any{"code": got.Code, "message": got.Message, "details": []any{map[string]any{"code": got.Detail}}}
		again, err := json.Marshal(map[string]any{"error": part})
		if err != nil {
			t.Fatal(err)
		}
		if read := ParseFault(again); read != got {
			t.Errorf("%s is read as %+v, and %s as %+v", body, got, again, read)
		}
	})
}
