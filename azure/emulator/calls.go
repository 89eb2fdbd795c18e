package emulator

import (
	"slices"
	"time"
)

// Call is one request to ARM, from its arrival to the last byte of its answer.
type Call struct {
	ID       uint64        `json:"id"`
	At       time.Duration `json:"at"`  // arrival, CLOCK_BOOTTIME
	Who      string        `json:"who"` // the VM that the token was given to, else the principal
	Method   string        `json:"method"`
	Path     string        `json:"path"` // without its query
	Query    string        `json:"query,omitempty"`
	IfMatch  string        `json:"ifMatch,omitempty"`
	Status   int           `json:"status"` // 0: no answer was given
	Code     string        `json:"code,omitempty"`
	ETag     string        `json:"etag,omitempty"` // of the resource in the answer
	Duration time.Duration `json:"duration"`
	Lost     bool          `json:"lost,omitempty"` // took effect, but its answer was not sent
	Done     bool          `json:"done"`           // answered or dropped
}

// Stage is a moment in the life of a call.
type Stage uint8

// The stages. Decided is after the effect and before the first byte of the
// answer; Sent is after its last byte has been handed to the kernel. A Silenced
// call has no effect and gets no answer.
const (
	Arrived Stage = iota
	Decided
	Sent
	Silenced
)

// maxCalls bounds the log.
const maxCalls = 100000

// OnCall calls fn at each stage of each call, on the goroutine that serves it:
// the call doesn't go on until fn returns. fn may use the server.
func (s *Server) OnCall(fn func(Stage, Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, fn)
}

// Calls lists the calls to ARM, by arrival. One that is under way has Done false.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// arrive logs a new call.
func (s *Server) arrive(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ID = s.callSeq
	s.callSeq++
	if len(s.calls) >= maxCalls {
		half := maxCalls / 2
		s.calls = append(s.calls[:0], s.calls[half:]...)
		s.dropped += half
	}
	s.calls = append(s.calls, *c)
}

// note keeps the log up to date.
func (s *Server) note(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := int(c.ID) - s.dropped; i >= 0 && i < len(s.calls) {
		s.calls[i] = *c
	}
}

func (s *Server) hook(stage Stage, c *Call) {
	s.mu.Lock()
	hooks := s.hooks
	s.mu.Unlock()
	for _, fn := range hooks {
		fn(stage, *c)
	}
}
