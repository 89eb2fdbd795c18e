package store

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault.
const (
	FaultSilent   FaultKind = "silent"   // requests are accepted and never answered, without effect
	FaultError    FaultKind = "error"    // requests get an error; Code alone is enough for those of Catalogue
	FaultThrottle FaultKind = "throttle" // requests get 429 with Retry-After: RetryAfter, or what is left of For
	FaultDeny     FaultKind = "deny"     // permissions are taken away: actions that end in Action, on scopes that contain Path
	FaultLost     FaultKind = "lost"     // requests take effect, but the connection ends instead of the answer
	FaultFail     FaultKind = "fail"     // accepted writes end Failed with Code, without reaching the data plane
	FaultLatency  FaultKind = "latency"  // answers leave later, by Latency
	FaultStale    FaultKind = "stale"    // GETs show the resource as it was Latency ago
)

var faultKinds = []FaultKind{FaultSilent, FaultError, FaultThrottle, FaultDeny, FaultLost, FaultFail, FaultLatency, FaultStale}

// Span is a time.Duration that JSON shows as "1.5s".
type Span time.Duration

// MarshalText is how JSON shows a Span.
func (d Span) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Span) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Span(v)
	return err
}

// Fault is something that goes wrong for the requests that match all of
// Method, Path and Client, as long as For and Count last.
type Fault struct {
	ID     int       `json:"id,omitempty"`
	Kind   FaultKind `json:"kind"`
	Method string    `json:"method,omitempty"` // empty: any
	Path   string    `json:"path,omitempty"`   // part of the path, in any case of letters; empty: any
	Client string    `json:"client,omitempty"` // name of the VM or principal, or its object id; empty: all but the administrator; "*": all
	For    Span      `json:"for,omitempty"`    // how long; empty: until cleared
	Count  int       `json:"count,omitempty"`  // for how many requests; 0: all

	Status     int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Detail     string `json:"detail,omitempty"` // code of the one detail
	RetryAfter Span   `json:"retryAfter,omitempty"`
	Latency    Span   `json:"latency,omitempty"`
	Action     string `json:"action,omitempty"` // of a deny: end of the action's name, such as "join/action"; empty: any

	until time.Duration // 0: no end
	hits  int
}

// Inject switches a fault on and returns its number.
func (s *Store) Inject(now time.Duration, f Fault) (int, error) {
	s.Advance(now)
	known := false
	for _, k := range faultKinds {
		known = known || k == f.Kind
	}
	if !known {
		return 0, fmt.Errorf("fault kind %q is unknown\nhint: one of %v", f.Kind, faultKinds)
	}
	if (f.Kind == FaultError || f.Kind == FaultFail) && f.Code == "" {
		return 0, fmt.Errorf("fault %s needs a code", f.Kind)
	}
	if f.For < 0 || f.Count < 0 || f.Latency < 0 || f.RetryAfter < 0 {
		return 0, fmt.Errorf("fault %s has a negative number", f.Kind)
	}
	if f.Kind == FaultSilent && f.Count > 0 {
		return 0, errors.New("fault silent can't count\nhint: give for, or clear it: what hangs is dropped when it ends")
	}
	if f.Kind == FaultThrottle && f.For == 0 && f.RetryAfter == 0 {
		return 0, errors.New("fault throttle needs for or retryAfter")
	}
	s.faultSeq++
	f.ID = s.faultSeq
	f.until, f.hits = 0, 0
	if f.For > 0 {
		f.until = s.now + time.Duration(f.For)
	}
	s.faults = append(s.faults, &f)
	return f.ID, nil
}

// Clear switches a fault off; 0 stands for all. It reports whether there was one.
func (s *Store) Clear(id int) bool {
	before := len(s.faults)
	kept := s.faults[:0]
	for _, f := range s.faults {
		if id != 0 && f.ID != id {
			kept = append(kept, f)
		}
	}
	clear(s.faults[len(kept):])
	s.faults = kept
	return len(kept) < before
}

// Faults lists the faults that are on.
func (s *Store) Faults() []Fault {
	out := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		out[i] = *f
	}
	return out
}

// FaultOn reports whether a fault is still on: until then a silent request hangs.
func (s *Store) FaultOn(id int) bool {
	for _, f := range s.faults {
		if f.ID == id {
			return true
		}
	}
	return false
}

// NextFaultEnd is the instant at which a fault ends by itself.
func (s *Store) NextFaultEnd() (at time.Duration, ok bool) {
	for _, f := range s.faults {
		if f.until > 0 && (!ok || f.until < at) {
			at, ok = f.until, true
		}
	}
	return at, ok
}

func (s *Store) expireFaults() {
	for i := 0; i < len(s.faults); {
		if f := s.faults[i]; f.until > 0 && f.until <= s.now {
			s.faults = append(s.faults[:i], s.faults[i+1:]...)
			continue
		}
		i++
	}
}

// fault finds one of a kind that matches the call, and counts it.
func (s *Store) fault(c *call, kind FaultKind) *Fault {
	for i, f := range s.faults {
		if f.Kind != kind || !f.matches(c) {
			continue
		}
		f.hits++
		if f.Count > 0 && f.hits >= f.Count {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f
	}
	return nil
}

func (f *Fault) matches(c *call) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, c.Method) {
		return false
	}
	if f.Path != "" && !strings.Contains(strings.ToLower(c.Path), strings.ToLower(f.Path)) {
		return false
	}
	return f.concerns(c.Principal)
}

func (f *Fault) concerns(p Principal) bool {
	switch f.Client {
	case "":
		return !p.Admin
	case "*":
		return true
	}
	return strings.EqualFold(f.Client, p.Client) || strings.EqualFold(f.Client, p.Name) || strings.EqualFold(f.Client, p.ObjectID)
}

// faultBefore is what befalls a request before it has any effect.
func (s *Store) faultBefore(c *call) (Response, bool) {
	if len(s.faults) == 0 {
		return Response{}, false
	}
	if f := s.fault(c, FaultSilent); f != nil {
		return Response{Silent: true, FaultID: f.ID}, true
	}
	if f := s.fault(c, FaultThrottle); f != nil {
		wait := time.Duration(f.RetryAfter)
		if wait == 0 {
			wait = f.until - s.now
		}
		e := &Error{Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", RetryAfter: wait,
			Message: "Number of '" + quotaOf(c.Method).String() + "' requests for subscription '" + s.opt.Subscription + "' actor '" + c.Principal.ObjectID +
				"' exceeded. Please try again after '" + seconds(wait) + "' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information."}
		return e.response(), true
	}
	if f := s.fault(c, FaultError); f != nil {
		return f.error(c.Path).response(), true
	}
	return Response{}, false
}

// faultAfter is what befalls the answer.
func (s *Store) faultAfter(c *call, r *Response) {
	if len(s.faults) == 0 {
		return
	}
	if f := s.fault(c, FaultLatency); f != nil {
		r.Delay += time.Duration(f.Latency)
	}
	if f := s.fault(c, FaultLost); f != nil {
		r.Lost = true
	}
}

// faultOfOperation is what the operation of an accepted write will end with.
func (s *Store) faultOfOperation(c *call) *Error {
	if len(s.faults) == 0 {
		return nil
	}
	if f := s.fault(c, FaultFail); f != nil {
		return f.error(c.Path)
	}
	return nil
}

// denied reports whether a fault has taken this permission away.
func (s *Store) denied(p Principal, action, scope string) bool {
	for _, f := range s.faults {
		if f.Kind == FaultDeny && f.concerns(p) &&
			strings.HasSuffix(strings.ToLower(action), strings.ToLower(f.Action)) &&
			strings.Contains(scope, strings.ToLower(f.Path)) {
			return true
		}
	}
	return false
}

// stale is a former answer, if a fault says that this GET shows one.
func (s *Store) stale(c *call, r *resource) (body []byte, etag string, ok bool) {
	if len(s.faults) == 0 || len(r.past) == 0 || c.direct {
		return nil, "", false
	}
	f := s.fault(c, FaultStale)
	if f == nil {
		return nil, "", false
	}
	then := s.now - time.Duration(f.Latency)
	for _, p := range r.past {
		if then < p.until {
			return p.body, p.etag, true
		}
	}
	return nil, "", false
}

func (f *Fault) error(resource string) *Error {
	e := catalogued(f.Code, resource)
	if f.Status != 0 {
		e.Status = f.Status
	}
	if f.Message != "" {
		e.Message = f.Message
	}
	if f.Detail != "" {
		e.Details = []Detail{{f.Detail, e.Message}}
	}
	if f.RetryAfter != 0 {
		e.RetryAfter = time.Duration(f.RetryAfter)
	}
	return e
}

// savedFault is a fault in a snapshot, with what is left of
// its time.
type savedFault struct {
	Fault
	Left Span `json:"left,omitempty"`
	Hits int  `json:"hits,omitempty"`
}

func (s *Store) saveFaults() []savedFault {
	var out []savedFault
	for _, f := range s.faults {
		saved := savedFault{Fault: *f, Hits: f.hits}
		if f.until > 0 {
			saved.Left = Span(f.until - s.now)
		}
		out = append(out, saved)
	}
	return out
}

func (s *Store) restoreFaults(list []savedFault) {
	for _, saved := range list {
		f := saved.Fault
		f.hits = saved.Hits
		if saved.Left > 0 {
			f.until = s.now + time.Duration(saved.Left)
		}
		s.faultSeq = max(s.faultSeq, f.ID)
		s.faults = append(s.faults, &f)
	}
}
