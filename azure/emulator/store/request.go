package store

import "time"

// Request is one call to ARM.
type Request struct {
	Method      string
	Path        string // with its query
	IfMatch     string
	IfNoneMatch string
	Body        []byte
	Principal   Principal
	Base        string // scheme and host that the caller used, for URLs in headers; default Options.Endpoint
	Correlation string // x-ms-correlation-request-id of the caller, if it sent one

	direct bool // Place: no faults
}

// Principal is who calls. Its zero value is nobody.
type Principal struct {
	ObjectID string // what roles are assigned to
	ClientID string // the application's id, for messages
	Name     string // for people
	Client   string // the VM that the call comes from, "" if unknown: two VMs may share one identity
	Admin    bool   // may do everything, is never throttled
}

// who is the caller's name in logs: the VM if known, since two may share an
// identity.
func (p Principal) who() string {
	if p.Client != "" {
		return p.Client
	}
	if p.Name != "" {
		return p.Name
	}
	return p.ObjectID
}

// Header is one header of a Response.
type Header struct{ Name, Value string }

// Response is ARM's answer. Its effect on the store has already happened.
type Response struct {
	Status int
	Header []Header
	Body   []byte
	Code   string // Azure's error code, "" on success
	ETag   string // of the resource that the body shows

	Delay   time.Duration // after how long the answer leaves
	Silent  bool          // there is no answer, and no effect, as long as fault FaultID lasts; then the connection ends
	Lost    bool          // the connection ends instead of the answer
	FaultID int           // of a Silent one
}

// Get is the value of the first header of that name.
func (r *Response) Get(name string) string {
	for _, h := range r.Header {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// usualHeaders is how many a GET's answer has.
const usualHeaders = 6

func (r *Response) set(name, value string) {
	if r.Header == nil {
		r.Header = make([]Header, 0, usualHeaders)
	}
	r.Header = append(r.Header, Header{name, value})
}
